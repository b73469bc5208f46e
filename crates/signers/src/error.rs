//! Why a key elsewhere does not sign.

use alloy::primitives::Address;

/// Why there is no key, or no signature. Each says what to do, in one sentence without a full stop. What others said is
/// clipped, and holds nothing that moves a terminal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// This build has not the feature.
    #[error(
        "this devproof was built without support for {what}: build it with `cargo build --release --package devproof --features {feature}`"
    )]
    NotBuilt {
        /// What it is needed for.
        what: &'static str,
        /// The feature.
        feature: &'static str,
    },
    /// This is no path of a key.
    #[error("{0:?} is no path of a key: write it like m/44'/60'/0'/0/0")]
    Path(String),
    /// The service or the device says no, or something that makes no sense.
    #[error("{0}")]
    Refused(String),
    /// It does not answer, or nobody is there.
    #[error("{0}")]
    Unreachable(String),
    /// What came back is no signature of this account over this transaction.
    #[error(
        "what {by} signed is not the signature of {account} over this transaction, and nothing was sent: name the key by an id \
         that always means the same one, and check that nothing stands between this machine and {by}"
    )]
    OtherSignature {
        /// Who signed.
        by: &'static str,
        /// The account.
        account: Address,
    },
}

/// The most characters of foreign words that are repeated.
#[cfg(any(feature = "aws-kms", feature = "ledger"))]
const MOST: usize = 200;

/// Foreign words, as they may stand in a sentence.
#[cfg(any(feature = "aws-kms", feature = "ledger"))]
pub(crate) fn words(text: &str) -> String {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let shown: String = text.chars().take(MOST).map(|c| if odd(c) { ' ' } else { c }).collect();
    let shown = shown.trim().trim_end_matches('.').to_owned();
    if text.chars().nth(MOST).is_some() { format!("{shown}…") } else { shown }
}

/// The error of a library within what the wallet makes of it, which wraps it once for each way that a signature takes.
#[cfg(any(feature = "aws-kms", feature = "ledger"))]
pub(crate) fn within<E: std::error::Error + 'static>(
    mut error: &alloy::signers::Error,
) -> Option<&E> {
    while let alloy::signers::Error::Other(inner) = error {
        if let Some(found) = inner.downcast_ref::<E>() {
            return Some(found);
        }
        error = inner.downcast_ref()?;
    }
    None
}
