//! How much of what is foreign is looked at. Each number is a few times the largest honest value seen.

/// A document of evidence. The largest seen, Phala Cloud's reply about an app with ten instances, has 300 KiB.
pub const DOCUMENT: usize = 4 << 20;
/// A quote, in bytes. Real ones have 5,006: 632 that say something, the signatures, and padding.
pub const QUOTE: usize = 16 << 10;
/// An event log as JSON, in bytes. Real ones have 7 KiB.
pub const EVENT_LOG: usize = 1 << 20;
/// Events of a log. Real ones have 30; apps may add their own.
pub const EVENTS: usize = 4096;
/// The configuration of a machine as JSON, in bytes.
pub const VM_CONFIG: usize = 64 << 10;
/// An app-compose.json, in bytes. Guests refuse to boot with more than 1 MiB of shared files.
pub const APP_COMPOSE: usize = 1 << 20;
/// Collateral of a quote, in bytes. Real collateral has 19 KiB; revocation lists grow.
pub const COLLATERAL: usize = 2 << 20;
/// Certificates of a chain. dstack's have three.
pub const CERTIFICATES: usize = 8;
/// A file of certificates, in bytes. A leaf with quote and log has 13 KiB, three in PEM have 19.
pub const CERTIFICATE_FILE: usize = 256 << 10;
/// Instances in one document. Apps with more are asked about one by one.
pub const INSTANCES: usize = 256;
/// A signature chain as JSON, in bytes.
pub const SIGNATURE_CHAIN: usize = 64 << 10;
/// A policy file, in bytes.
pub const POLICY: usize = 1 << 20;
/// How deep values of a binary attestation may nest. Honest ones go five deep.
pub const DEPTH: usize = 16;
/// Values in a binary attestation. A quote in one is an array of 5,006 numbers.
pub const VALUES: usize = 256 << 10;
