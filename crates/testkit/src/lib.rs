//! Anvil, PostgreSQL and the demo's scenario; a dev-dependency only.
pub mod postgres;
