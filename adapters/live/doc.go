// Package live remembers what token checks need, in bounded caches before the
// stores, and forgets it when it hears of a change. It decides nothing: whether
// a session, user or tenant is good is judged by whoever asks.
//
// Every cached value carries a stamp: the count of changes that touched its
// place before it was read (see shelf). A change raises the count; a value with
// another count is as good as absent. So there is nothing to lock, and a read
// that began before a change can never be kept after it, however long it took.
// What a session stands on is kept with it as a whole, under the stamps of its
// parts (see standing).
package live
