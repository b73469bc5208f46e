//! Tells people and programs what happens.
