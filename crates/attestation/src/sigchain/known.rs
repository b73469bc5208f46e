//! Roots that everybody has the keys below of.

use crate::{Concern, Warning};
use alloy_primitives::{Address, address};

/// Roots of the simulators that dstack publishes with their app keys.
const SIMULATORS: [Address; 1] = [address!("0x8f2cf602c9695b23130367ed78d8f557554de7c5")];

/// What nobody may overlook about a root, if there is anything.
#[must_use]
pub fn warning(root: Address) -> Option<Warning> {
    SIMULATORS.contains(&root).then(|| {
        Warning::new(
            Concern::SimulatorRoot,
            "This root is the one of a public simulator. The app keys below it are published: anybody can make this chain, and it \
             proves nothing.",
        )
    })
}
