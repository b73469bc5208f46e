//! Values that dstack makes out of a machine's measurements, as key services and contracts see them (dstack,
//! `dstack-attest/src/attestation.rs`).

use crate::{TdxQuote, digest::sha256, quote::Register};
use alloy_primitives::B256;

/// `mrAggregated`: SHA-256 of MRTD and the four registers, followed by the three fields of the host unless all are
/// zero.
#[must_use]
pub fn mr_aggregated(quote: &TdxQuote) -> B256 {
    aggregated(quote, quote.rtmr(3).unwrap_or_default())
}

/// The same with another RTMR3, of an earlier moment.
pub(crate) fn aggregated(quote: &TdxQuote, rtmr3: Register) -> B256 {
    let mut all = quote.mrtd().to_vec();
    all.extend((0..3).filter_map(|n| quote.rtmr(n)).chain([rtmr3]).flat_map(|register| register.0));
    let host = [quote.mr_config_id(), quote.mr_owner(), quote.mr_owner_config()];
    if host.iter().any(|field| field.iter().any(|byte| *byte != 0)) {
        all.extend(host.into_iter().flatten());
    }
    sha256(&all)
}

/// `mrSystem`: SHA-256 of MRTD, RTMR0 to 2, and the SHA-256 of the key provider's event (zero if there is none).
#[must_use]
pub fn mr_system(quote: &TdxQuote, key_provider: Option<&[u8]>) -> B256 {
    let mut all = quote.mrtd().to_vec();
    all.extend((0..3).filter_map(|n| quote.rtmr(n)).flat_map(|register| register.0));
    all.extend(key_provider.map(sha256).unwrap_or_default().0);
    sha256(&all)
}

/// `deviceId`: SHA-256 of the platform's PPID. Older versions of dstack derived it otherwise, and a guest agent that
/// verified nothing gives the hash of nothing.
#[must_use]
pub fn device_id(ppid: &[u8]) -> B256 {
    sha256(ppid)
}
