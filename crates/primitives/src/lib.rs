//! Ids, hashes, policy events and the one fold over them. No I/O, no async.
