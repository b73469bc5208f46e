//! A Ledger that is plugged in.

use crate::{
    DerivationPath, SignerError,
    error::{within, words},
    signed::Elsewhere,
};
use alloy::signers;
use alloy_signer_ledger::{HDPath, LedgerError, LedgerSigner};
use devproof_operator::keys::Key;
use hidapi_rusb::HidApi;
use std::time::Duration;

/// How long the device may take to say its address. It asks nobody for that.
const SAYS: Duration = Duration::from_secs(30);
/// How long a person may take to read a transaction on it.
const READS: Duration = Duration::from_secs(600);

pub(super) async fn key(path: &DerivationPath) -> Result<Key, SignerError> {
    // The library stops the program where there is no USB at all, so that is asked before.
    match HidApi::new() {
        Ok(api) => drop(api),
        Err(why) => {
            return Err(SignerError::Unreachable(format!(
                "the USB devices of this machine cannot be listed ({}): plug the Ledger into a machine where they can",
                words(&why.to_string())
            )));
        }
    }
    let path = HDPath::Other(path.to_string());
    // In a task of its own: what the device says in answer is cut into pieces by a library that trusts it.
    let asked = tokio::spawn(async move { LedgerSigner::new(path, None).await });
    let signer = match tokio::time::timeout(SAYS, asked).await {
        Ok(Ok(answer)) => answer.map_err(|error| explain_ledger(&error))?,
        Ok(Err(_)) => return Err(SignerError::Refused(no_sense("the Ledger"))),
        Err(_) => {
            return Err(SignerError::Unreachable(format!(
                "the Ledger did not say its address within {} s: unlock it, open its Ethereum app, and run it again",
                SAYS.as_secs()
            )));
        }
    };
    Ok(Elsewhere { signer, name: "the Ledger", patience: READS, explain }.key())
}

fn no_sense(who: &str) -> String {
    format!(
        "{who} answered something that makes no sense: update its Ethereum app, and run it again"
    )
}

fn explain(error: signers::Error) -> SignerError {
    match within::<LedgerError>(&error) {
        Some(error) => explain_ledger(error),
        None => {
            SignerError::Refused(format!("the Ledger did not sign ({})", words(&error.to_string())))
        }
    }
}

/// The library has its errors in words and in codes of the device, which are in its text.
fn explain_ledger(error: &LedgerError) -> SignerError {
    let said = words(&error.to_string());
    let lower = said.to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    if has(&["device not found"]) {
        SignerError::Unreachable(
            "no Ledger is plugged in: plug it in, unlock it, open its Ethereum app, and run it again".into(),
        )
    } else if has(&["can't open", "cannot open", "open device", "unable to open", "in use"]) {
        SignerError::Unreachable(format!(
            "the Ledger is there and cannot be opened ({said}): close other programs that use it, and on Linux install its udev rules"
        ))
    } else if has(&[
        "conditionsnotsatisfied",
        "conditions_not_satisfied",
        "conditions of use",
        "0x6985",
        "denied",
    ]) {
        SignerError::Refused("it was refused on the Ledger, and nothing was sent".into())
    } else {
        SignerError::Refused(format!(
            "the Ledger says no ({said}): unlock it, open its Ethereum app, and run it again"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_device_there_is_a_sentence_and_no_panic() {
        let error = key(&DerivationPath::default()).await.unwrap_err();
        let said = error.to_string();
        let known =
            said.contains("plug it in, unlock it") || said.contains("USB devices of this machine");
        assert!(matches!(error, SignerError::Unreachable(_)) && known, "{said}");
    }
}
