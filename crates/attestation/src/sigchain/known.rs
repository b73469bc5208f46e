//! Roots and app keys that everybody has the secrets of.

use super::SignatureChain;
use crate::{Concern, Warning};
use alloy_primitives::{Address, Bytes, address, bytes};

/// The root below which dstack's older simulator publishes its app key (its tutorials name it).
const SIMULATOR: Address = address!("0x8f2cf602c9695b23130367ed78d8f557554de7c5");
/// How the root of the newer one begins. A real root begins so once in four thousand million.
const SIMULATOR_BEGINS: [u8; 4] = [0xa7, 0xf6, 0x04, 0x3c];
/// The app key that the newer one publishes together with its secret (dstack, `sdk/simulator/appkeys.json`).
const SIMULATOR_APP_KEY: Bytes =
    bytes!("02818494263695e8839122dbd88e281d7380622999df4e60a14befa0f2d096fc7c");

/// What nobody may overlook about a root, if there is anything.
#[must_use]
pub fn warning(root: Address) -> Option<Warning> {
    (root == SIMULATOR || root.starts_with(&SIMULATOR_BEGINS)).then(simulator)
}

impl SignatureChain {
    /// What nobody may overlook about this chain below a root, if there is anything.
    #[must_use]
    pub fn warning(&self, root: Address) -> Option<Warning> {
        warning(root).or_else(|| (self.app_key == SIMULATOR_APP_KEY).then(simulator))
    }
}

fn simulator() -> Warning {
    Warning::new(
        Concern::SimulatorRoot,
        "This chain is the one of a public simulator. Its app keys are published: anybody can make it, and it proves nothing.",
    )
}
