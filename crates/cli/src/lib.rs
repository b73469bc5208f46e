//! The devproof command.
