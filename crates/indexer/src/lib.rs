//! Follows chains into the store.
