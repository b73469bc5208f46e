//! What can happen to an app's policy: an action on a value of a setting.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

/// A setting of an app's policy. The numbers are those of the contracts (`Kinds.sol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Setting {
    /// Value: a compose hash.
    ComposeHash = 1,
    /// Value: a device id.
    Device = 2,
    /// Value: 1, every device is accepted; 0, only the listed ones.
    AnyDevice = 3,
    /// Value: 1, the TCB must be up to date; 0, it need not.
    TcbRequirement = 4,
    /// Value: an OS image on the app's own list.
    OsImage = 5,
    /// Value: 1, the app's own list is cleared.
    AnyOsImage = 6,
    /// Value: seconds.
    NoticePeriod = 7,
    /// Value: an address, left-padded; zero for none.
    Guardian = 8,
    /// Value: the number of the setting that can never widen again.
    Freeze = 9,
    /// Value: an address. Recorded only, never proposed.
    Owner = 10,
    /// Value: an address. Recorded only, never proposed.
    PendingOwner = 11,
    /// Value: [`crate::source_commitment`]. Recorded only, right behind the proposal it belongs to.
    Source = 12,
}

impl Setting {
    const ALL: [Self; 12] = [
        Self::ComposeHash,
        Self::Device,
        Self::AnyDevice,
        Self::TcbRequirement,
        Self::OsImage,
        Self::AnyOsImage,
        Self::NoticePeriod,
        Self::Guardian,
        Self::Freeze,
        Self::Owner,
        Self::PendingOwner,
        Self::Source,
    ];

    /// The setting with this number.
    ///
    /// # Errors
    /// [`BadKind`] for any other number.
    pub fn from_number(number: u8) -> Result<Self, BadKind> {
        Self::ALL.into_iter().find(|s| *s as u8 == number).ok_or(BadKind(number))
    }

    /// The name used in documents, in snake case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ComposeHash => "compose_hash",
            Self::Device => "device",
            Self::AnyDevice => "any_device",
            Self::TcbRequirement => "tcb_requirement",
            Self::OsImage => "os_image",
            Self::AnyOsImage => "any_os_image",
            Self::NoticePeriod => "notice_period",
            Self::Guardian => "guardian",
            Self::Freeze => "freeze",
            Self::Owner => "owner",
            Self::PendingOwner => "pending_owner",
            Self::Source => "source",
        }
    }
}

/// What happened to a value. The numbers are the high nibble of an entry's kind (`Kinds.sol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Action {
    /// A widening was announced.
    Proposed = 0x10,
    /// An announcement was withdrawn, or cleared when dead.
    Cancelled = 0x20,
    /// The value is in force from here.
    Set = 0x30,
    /// The value is no longer accepted.
    Removed = 0x40,
}

impl Action {
    /// The name used in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Cancelled => "cancelled",
            Self::Set => "set",
            Self::Removed => "removed",
        }
    }
}

/// A kind byte, or a part of one, that no devproof contract emits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:#04x} is not the kind of any history entry")]
pub struct BadKind(pub u8);

/// One change of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// What happened.
    pub action: Action,
    /// To which setting.
    pub setting: Setting,
    /// And to which value of it.
    pub value: B256,
}

impl Change {
    /// Reads the kind byte of a `HistoryExtended` event: `action | setting`.
    ///
    /// # Errors
    /// [`BadKind`] if either half is unknown.
    pub fn from_kind(kind: u8, value: B256) -> Result<Self, BadKind> {
        let action = match kind & 0xf0 {
            0x10 => Action::Proposed,
            0x20 => Action::Cancelled,
            0x30 => Action::Set,
            0x40 => Action::Removed,
            _ => return Err(BadKind(kind)),
        };
        let setting = Setting::from_number(kind & 0x0f).map_err(|_| BadKind(kind))?;
        Ok(Self { action, setting, value })
    }

    /// The kind byte of this change.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        self.action as u8 | self.setting as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_byte_reads_back() {
        let mut known = 0;
        for kind in 0..=u8::MAX {
            if let Ok(change) = Change::from_kind(kind, B256::ZERO) {
                assert_eq!(change.kind(), kind);
                known += 1;
            }
        }
        assert_eq!(known, 4 * Setting::ALL.len());
    }
}
