//! Bindings to our contracts and to stock dstack, and code identification.
