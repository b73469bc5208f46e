//! Bindings to our contracts and to stock dstack, decoding of their events, and code identification.
//! No I/O: what talks to a node is in `devproof-chain`.

pub mod bindings;
mod code;
mod events;
mod reading;
mod registry;
mod revert;
pub mod stock;

pub use code::Code;
pub use events::{
    Announcement, Deleted, DeletionEvent, DeletionStatement, FactoryEvent, UPGRADED, announcement,
    app_event, deletion_event, factory_event, kms_event,
};
pub use reading::About;
pub use registry::{
    REGISTRY_HISTORY_DOMAIN, RegistryFault, RegistryHistory, RegistryPlace, registry_root_slot,
};
pub use revert::explain_revert;
