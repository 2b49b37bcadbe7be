/**
 * A list whose members know their neighbours, so that one enters and leaves without memory being taken or searched. The list is a member too:
 * the one before the first and after the last.
 *
 * Invariants
 * - `next.previous` and `previous.next` are the member itself. Who is in no list is a list of its own.
 */
export class Ring {
  next: Ring = this
  previous: Ring = this

  /** Becomes the last of a list; it must be in none. */
  enter(list: Ring): void {
    this.next = list
    this.previous = list.previous
    list.previous.next = this
    list.previous = this
  }

  /** Does nothing to who is in none. */
  leave(): void {
    this.next.previous = this.previous
    this.previous.next = this.next
    this.next = this
    this.previous = this
  }
}
