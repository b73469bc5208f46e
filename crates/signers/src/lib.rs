//! Keys that never leave where they are: AWS KMS and Ledger.
//!
//! Each is a feature of this crate. Without it there is still the function, which says how to build with it, so that whoever
//! asks for such a key is told more than that an option is unknown. Whatever signs there is believed only so far: a signature
//! counts if it is that of the account over the very transaction that was to be signed.

mod error;
mod path;
#[cfg(any(feature = "aws-kms", feature = "ledger"))]
mod signed;

#[cfg(feature = "aws-kms")]
mod aws;
#[cfg(feature = "ledger")]
mod ledger;

pub use error::SignerError;
pub use path::DerivationPath;

#[cfg(not(feature = "aws-kms"))]
mod aws {
    use super::{Key, SignerError};

    pub(super) async fn key(_name: &str) -> Result<Key, SignerError> {
        Err(SignerError::NotBuilt { what: "keys in AWS KMS", feature: "aws-kms" })
    }
}

#[cfg(not(feature = "ledger"))]
mod ledger {
    use super::{DerivationPath, Key, SignerError};

    pub(super) async fn key(_path: &DerivationPath) -> Result<Key, SignerError> {
        Err(SignerError::NotBuilt { what: "a Ledger", feature: "ledger" })
    }
}

use devproof_operator::keys::Key;
use std::pin::Pin;

/// The futures of such libraries are too deep for the compiler to look into from where a verb is.
type Asking<'a> = Pin<Box<dyn Future<Output = Result<Key, SignerError>> + Send + 'a>>;

/// The key in AWS KMS with this id, ARN, or alias. Credentials and region are those that the tools of AWS use; the region
/// is that of the ARN, where one is given. Asks KMS for the public key, and signs nothing.
///
/// # Errors
/// What AWS says, that it does not answer, or [`SignerError::NotBuilt`] without the feature `aws-kms`.
pub async fn aws_kms(name: &str) -> Result<Key, SignerError> {
    let asking: Asking<'_> = Box::pin(aws::key(name));
    asking.await
}

/// The key at this path of the Ledger that is plugged in. Asks it for the address, which it gives without a question.
///
/// # Errors
/// That there is none, or it is locked, or shows another app than Ethereum's; [`SignerError::NotBuilt`] without the feature
/// `ledger`.
pub async fn ledger(path: &DerivationPath) -> Result<Key, SignerError> {
    let asking: Asking<'_> = Box::pin(ledger::key(path));
    asking.await
}
