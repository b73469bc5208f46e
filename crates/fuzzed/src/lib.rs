//! What is done with foreign bytes under libFuzzer, one function a target.
//!
//! `fuzz/` feeds them at random with a nightly compiler, and a test of this crate feeds them the seeds that are committed
//! in `fuzz/seeds`, so that a stable compiler sees every one of them in every test run. A target panics only if what it
//! looks at does not hold: most say no more than that nothing panics, hangs or grows, some also that a lie is not believed.

mod attestation;
mod chain;
mod compose;
mod outside;
mod texts;
mod wire;

pub use outside::{asked, collateral_of, fetched, verified};

/// A target: its name, which is that of the binary in `fuzz/fuzz_targets` and of the folder in `fuzz/seeds`, and what is
/// done with the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("evidence", attestation::evidence),
    ("attestation", attestation::binary),
    ("event_log", attestation::event_log),
    ("quote", attestation::quote),
    ("collateral", attestation::collateral),
    ("certificates", attestation::certificates),
    ("sigchain", attestation::sigchain),
    ("replies", attestation::replies),
    ("texts", texts::texts),
    ("compose", compose::compose),
    ("yaml", compose::yaml),
    ("reports", compose::reports),
    ("logs", chain::logs),
    ("challenges", outside::challenge),
    ("pccs", outside::pccs),
    ("agents", outside::agents),
    ("nodes", outside::nodes),
    ("releases", outside::releases),
];

/// What the target with this name does with some bytes; nothing if there is none.
pub fn run(name: &str, bytes: &[u8]) {
    if let Some((_, target)) = TARGETS.iter().find(|(target, _)| *target == name) {
        target(bytes);
    }
}
