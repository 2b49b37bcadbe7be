/*
 * Names of fields: text to atom for decoding, atom to text for encoding. A document's names repeat from call to call, so both ways are
 * answered from one table of NAMES_MAX entries.
 *
 * Invariants
 * - An entry holds a reference to its atom, so an atom handed out stays alive until names_trim, which runs only between calls.
 * - When the table is full, nothing is evicted: further names go to the engine until names_trim empties it.
 */
#include "glue.h"

#define SLOTS 1024
#define NAMES_MAX 768

static Name names[SLOTS];
static uint16_t by_atom[SLOTS]; /* slot + 1 of the entry whose atom hashes here, 0 when none */
static uint32_t count;

static uint64_t load64(const char *text) {
  uint64_t value;
  __builtin_memcpy(&value, text, 8);
  return value;
}

static uint32_t load32(const char *text) {
  uint32_t value;
  __builtin_memcpy(&value, text, 4);
  return value;
}

/* Of the first and the last bytes and the length: all of a name of up to 16 bytes, enough of a longer one. */
static uint32_t hash_of(const char *text, uint32_t length) {
  uint64_t first = 0, last = 0;
  if (length >= 8) {
    first = load64(text);
    last = load64(text + length - 8);
  } else if (length >= 4) {
    first = load32(text);
    last = load32(text + length - 4);
  } else if (length) first = (uint64_t)(uint8_t)text[0] | (uint64_t)(uint8_t)text[length / 2] << 8 | (uint64_t)(uint8_t)text[length - 1] << 16;
  uint64_t hash = first * 0x9e3779b97f4a7c15ull ^ (last + length) * 0xc2b2ae3d27d4eb4full;
  return (uint32_t)(hash >> 32 ^ hash);
}

static int same(const char *left, const char *right, uint32_t length) {
  uint32_t i = 0;
  for (; i + 8 <= length; i += 8)
    if (load64(left + i) != load64(right + i)) return 0;
  for (; i < length; i++)
    if (left[i] != right[i]) return 0;
  return 1;
}

/* The entry of a name, or the free one where it belongs. */
static Name *find(const char *text, uint32_t length, uint32_t hash) {
  for (uint32_t slot = hash;; slot++) {
    Name *name = &names[slot % SLOTS];
    if (!name->atom) return name;
    if (name->hash == hash && name->length == length && same(name->text, text, length)) return name;
  }
}

static Name *add(Name *name, const char *text, uint32_t length, uint32_t hash, Atom atom) {
  name->hash = hash;
  name->length = length;
  name->atom = atom;
  for (uint32_t i = 0; i < length; i++) name->text[i] = text[i];
  by_atom[atom % SLOTS] = (uint16_t)(name - names + 1);
  count++;
  return name;
}

Atom name_atom(const char *text, uint32_t length, int *owned) {
  *owned = 0;
  uint32_t hash = hash_of(text, length);
  Name *name = NULL;
  if (length <= sizeof name->text) {
    name = find(text, length, hash);
    if (name->atom) return name->atom;
  }
  Atom atom = JS_NewAtomLen(context, text, length);
  if (!atom) return 0;
  if (!name || count >= NAMES_MAX) *owned = 1;
  else add(name, text, length, hash, atom);
  return atom;
}

const Name *name_of(Atom atom) {
  uint32_t known = by_atom[atom % SLOTS];
  if (known && names[known - 1].atom == atom) return &names[known - 1];
  size_t length;
  const char *text = JS_AtomToCStringLen(context, &length, atom);
  if (!text) return NULL;
  Name *name = NULL;
  if (length <= sizeof name->text) {
    uint32_t hash = hash_of(text, (uint32_t)length);
    name = find(text, (uint32_t)length, hash);
    if (name->atom) by_atom[atom % SLOTS] = (uint16_t)(name - names + 1);
    else name = count < NAMES_MAX ? add(name, text, (uint32_t)length, hash, JS_DupAtom(context, atom)) : NULL;
  }
  JS_FreeCString(context, text);
  return name && name->atom == atom ? name : NULL;
}

void names_trim(void) {
  if (count < NAMES_MAX) return;
  for (uint32_t slot = 0; slot < SLOTS; slot++)
    if (names[slot].atom) JS_FreeAtom(context, names[slot].atom);
  memset(names, 0, sizeof names);
  memset(by_atom, 0, sizeof by_atom);
  count = 0;
}
