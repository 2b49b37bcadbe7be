/**
 * What a page runs to follow the build. Plain JavaScript that is given to the browser as it stands: no build of the service has a part in it.
 *
 * What must hold
 * - It loads the page again only for another build than the page's own, and once for each: a page that is answered from somewhere else would
 *   be loaded for ever.
 * - Nothing of a message becomes markup. Nothing is asked of the page: no style of its own, no element, no policy.
 * - A page that is not looked at holds no connection: a browser has six for a server, and pages stay open in many tabs.
 */
export const LIVE_SCRIPT = `(() => {
  const mark = Symbol.for("planck.live")
  if (window[mark]) return
  window[mark] = true
  const build = document.currentScript.dataset.build
  const eventsPath = new URL("events", document.currentScript.src).href
  const loadedFor = "planck.loadedFor"
  let events
  let overlay

  const load = (next) => {
    const now = next + " " + location.href
    try {
      if (sessionStorage.getItem(loadedFor) === now) return false
      sessionStorage.setItem(loadedFor, now)
    } catch {}
    location.reload()
    return true
  }

  const hide = () => {
    overlay?.remove()
    overlay = undefined
  }

  const element = (name, text, label) => {
    const made = document.createElement(name)
    made.textContent = text
    if (label !== undefined) made.setAttribute("aria-label", label)
    return made
  }

  const show = ({ title, mistakes }) => {
    hide()
    overlay = document.createElement("planck-mistakes")
    const root = overlay.attachShadow({ mode: "open" })
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(style)
    root.adoptedStyleSheets = [sheet]
    const box = document.createElement("section")
    box.setAttribute("role", "alert")
    const close = element("button", "\\u00d7", "Close")
    close.onclick = hide
    box.append(close, element("h1", title), ...mistakes.map((text) => element("pre", text)), element("p", "Mended in the source, it goes away. Escape hides it."))
    root.append(box)
    document.documentElement.append(overlay)
    overlay.popover = "manual"
    overlay.showPopover?.()
  }

  const style = \`
    :host { all: initial; position: fixed; inset: 0; width: auto; height: auto; margin: 0; border: 0; padding: 4vh 4vw; box-sizing: border-box;
      overflow: auto; z-index: 2147483647; background: rgb(20 20 24 / 82%); display: block }
    section { position: relative; background: #1c1c22; color: #eee; border-top: 4px solid #e5484d; border-radius: 6px; padding: 1.2rem 1.5rem;
      font: 14px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
    h1 { font-size: 15px; margin: 0 2rem 1rem 0; color: #ff9592 }
    pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 1.2rem; font: inherit }
    p { margin: 0; color: #a0a0ab }
    button { position: absolute; top: .6rem; right: .8rem; font: 20px/1 sans-serif; color: inherit; background: none; border: 0; cursor: pointer }
  \`

  const heard = ({ data }) => {
    const news = JSON.parse(data)
    if (build !== "" && news.build !== "" && news.build !== build && load(news.build)) return
    if (news.mistakes.length === 0) hide()
    else show(news)
  }

  const listen = () => {
    if (events !== undefined || document.visibilityState === "hidden") return
    const opened = new EventSource(eventsPath)
    events = opened
    opened.onmessage = heard
    opened.onerror = () => {
      if (opened.readyState !== EventSource.CLOSED || events !== opened) return
      events = undefined
      setTimeout(listen, 1000)
    }
  }

  const leave = () => {
    events?.close()
    events = undefined
  }

  addEventListener("keydown", (event) => event.key === "Escape" && hide())
  addEventListener("pagehide", leave)
  addEventListener("pageshow", listen)
  document.addEventListener("visibilitychange", () => (document.visibilityState === "hidden" ? leave() : listen()))
  listen()
})()
`
