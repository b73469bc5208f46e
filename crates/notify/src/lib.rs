//! Tells people and programs what happens: subscriptions, signed webhooks, chats and mail.
//!
//! Three parts. The [`filler`](Notifier) hears what a subscriber wants, writes letters, and moves the place of the subscription in
//! the transaction that writes them, so that a crash loses nothing and writes nothing twice. The sender takes letters that are
//! due, sends them and records how that went; what was acknowledged is never sent again. [`Channel`] is a way for letters to go,
//! with its templates. What is said in them, `devproof_api::alerts` says.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )
)]

mod channel;
mod fill;
mod http;
mod letters;
mod mail;
mod notifier;
mod retry;
mod subscribe;
mod templates;

pub use channel::{Channel, ChannelError, ChannelKind, Given};
pub use letters::delivery_id;
pub use notifier::{Notifier, Options, Sent};
pub use retry::Schedule;
pub use subscribe::{Listener, SubscribeError, Wish, subscribe};
