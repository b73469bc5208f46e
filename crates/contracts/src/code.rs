//! Which code stands behind an address, and what may therefore be believed.

use crate::bindings::{AppAuth, test_build::AppAuthTestBuild};
use alloy_primitives::{B256, keccak256};
use std::{fmt, str::FromStr, sync::LazyLock};

/// The kind of code behind an app's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// AppAuth: immutable, and its notice period is enforced.
    AppAuth,
    /// The test build of AppAuth: immutable, and its notice period protects nobody.
    AppAuthTest,
    /// A proxy that answers as a stock DstackApp does.
    DstackApp,
    /// The generation before DstackApp, where the app id is not the contract's address.
    LegacyAppAuth,
    /// The tutorial's TimelockAppAuth.
    TimelockAppAuth,
    /// None of these.
    Unknown,
}

static APP_AUTH: LazyLock<B256> = LazyLock::new(|| keccak256(&AppAuth::DEPLOYED_BYTECODE));
static APP_AUTH_TEST: LazyLock<B256> =
    LazyLock::new(|| keccak256(&AppAuthTestBuild::DEPLOYED_BYTECODE));

impl Code {
    /// All kinds.
    pub const ALL: [Self; 6] = [
        Self::AppAuth,
        Self::AppAuthTest,
        Self::DstackApp,
        Self::LegacyAppAuth,
        Self::TimelockAppAuth,
        Self::Unknown,
    ];

    /// The immutable code with this hash (Keccak-256 of the runtime code, `EXTCODEHASH`), if it is one
    /// of ours. AppAuth has no constructor-time constants, so the hash is the same for every app.
    #[must_use]
    pub fn by_hash(code_hash: B256) -> Option<Self> {
        if code_hash == *APP_AUTH {
            Some(Self::AppAuth)
        } else if code_hash == *APP_AUTH_TEST {
            Some(Self::AppAuthTest)
        } else {
            None
        }
    }

    /// Whether this code keeps a history root, which authenticates everything the index says.
    #[must_use]
    pub const fn keeps_history(self) -> bool {
        matches!(self, Self::AppAuth | Self::AppAuthTest)
    }

    /// The name used in documents and in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AppAuth => "app_auth",
            Self::AppAuthTest => "app_auth_test",
            Self::DstackApp => "dstack_app",
            Self::LegacyAppAuth => "legacy_app_auth",
            Self::TimelockAppAuth => "timelock_app_auth",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Code {
    type Err = std::convert::Infallible;

    /// A name this version does not know, as a newer one may have written, is unknown code.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(Self::ALL.into_iter().find(|code| code.name() == name).unwrap_or(Self::Unknown))
    }
}
