//! What contracts say.

use alloy_primitives::B256;
use devproof_contracts::{
    announcement, app_event, deletion_event, explain_revert, factory_event, kms_event,
};

/// Logs and errors: the first byte is the number of topics, then the topics, then the data.
pub(crate) fn logs(bytes: &[u8]) {
    let _ = explain_revert(bytes, 1_772_323_200);
    let Some((topics, rest)) = bytes.split_first() else { return };
    let Some((topics, data)) = rest.split_at_checked(32 * usize::from(topics % 5)) else { return };
    let topics: Vec<B256> = topics.chunks_exact(32).map(B256::from_slice).collect();
    let _ = (app_event(&topics, data), announcement(&topics, data), kms_event(&topics, data));
    let _ = (factory_event(&topics, data), deletion_event(&topics, data));
}
