//! A key in AWS KMS.

use crate::{
    SignerError,
    error::{within, words},
    signed::Elsewhere,
};
use alloy::signers;
use alloy_signer_aws::{AwsSigner, AwsSignerError};
use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_kms::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
};
use devproof_operator::keys::Key;
use std::{error::Error, time::Duration};

/// How long one question may take, with all its attempts.
const PATIENCE: Duration = Duration::from_secs(15);
/// And one of its attempts.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How often it is asked. Signing twice does no harm: only what this process sends counts.
const ATTEMPTS: u32 = 3;
/// The longest name of a key that AWS has is an ARN of an alias.
const MAX_NAME: usize = 2_048;

pub(super) async fn key(name: &str) -> Result<Key, SignerError> {
    if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
        return Err(SignerError::Refused(
            "this is no name of a key in AWS KMS: give its id, its ARN, or alias/NAME".into(),
        ));
    }
    let timeouts =
        TimeoutConfig::builder().operation_timeout(PATIENCE).operation_attempt_timeout(ATTEMPT);
    let mut config = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts.connect_timeout(ATTEMPT).build())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
    if let Some(region) = region(name) {
        config = config.region(Region::new(region.to_owned()));
    }
    let client = Client::new(&config.load().await);
    let signer =
        AwsSigner::new(client, name.to_owned(), None).await.map_err(|error| explain_aws(&error))?;
    // One more than what the client allows itself, so that its own words are heard.
    let patience = PATIENCE + Duration::from_secs(10);
    Ok(Elsewhere { signer, name: NAME, patience, explain }.key())
}

const NAME: &str = "AWS KMS";

/// The region of an ARN: `arn:aws:kms:REGION:ACCOUNT:key/ID`.
fn region(name: &str) -> Option<&str> {
    let mut parts = name.split(':');
    let (arn, _, service, region) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    (arn == "arn" && service == "kms" && !region.is_empty()).then_some(region)
}

fn explain(error: signers::Error) -> SignerError {
    match within::<AwsSignerError>(&error) {
        Some(error) => explain_aws(error),
        None => {
            SignerError::Refused(format!("{NAME} did not sign ({})", words(&error.to_string())))
        }
    }
}

fn explain_aws(error: &AwsSignerError) -> SignerError {
    match error {
        AwsSignerError::Sign(error) => explain_sdk(error, "kms:Sign"),
        AwsSignerError::GetPublicKey(error) => explain_sdk(error, "kms:GetPublicKey"),
        AwsSignerError::SignatureRecoveryFailed => SignerError::Refused(format!(
            "{NAME} signed with another key than the one it showed before, and nothing was sent: name the key by its id or ARN, not by \
             an alias that can be moved"
        )),
        AwsSignerError::Spki(_) | AwsSignerError::PublicKeyNotFound => {
            SignerError::Refused(not_ours())
        }
        AwsSignerError::K256(_) | AwsSignerError::SignatureNotFound | AwsSignerError::Hex(_) => {
            SignerError::Refused(not_ours())
        }
    }
}

fn not_ours() -> String {
    format!(
        "what {NAME} answered is nothing of a key of Ethereum: name an asymmetric key with spec ECC_SECG_P256K1 and usage SIGN_VERIFY"
    )
}

/// What an answer of the service means, or that there is none. `right` is what it takes.
fn explain_sdk<E>(error: &SdkError<E>, right: &str) -> SignerError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let Some(service) = error.as_service_error() else {
        return explain_way(error);
    };
    let Some(code) = service.code() else {
        return SignerError::Unreachable(format!(
            "{NAME} answered something that cannot be read, and nothing was sent: run it again"
        ));
    };
    let code = words(code);
    let said = service.message().map(|text| format!(": {}", words(text))).unwrap_or_default();
    let advice = match service.code().unwrap_or_default() {
        "NotFoundException" => "check the id and the region (AWS_REGION)".to_owned(),
        "AccessDeniedException" => {
            format!("whoever the credentials are of needs the right {right} on the key")
        }
        "DisabledException" | "KMSInvalidStateException" => "enable the key".to_owned(),
        "InvalidKeyUsageException" | "UnsupportedOperationException" | "ValidationException" => {
            "it takes an asymmetric key with spec ECC_SECG_P256K1 and usage SIGN_VERIFY".to_owned()
        }
        "UnrecognizedClientException"
        | "ExpiredTokenException"
        | "InvalidSignatureException"
        | "IncompleteSignatureException"
        | "InvalidClientTokenId" => {
            "renew the credentials, and check the clock of this machine".to_owned()
        }
        "ThrottlingException"
        | "KMSInternalException"
        | "KeyUnavailableException"
        | "DependencyTimeoutException" => "run it again in a while".to_owned(),
        _ => "docs/operator.md says what it takes".to_owned(),
    };
    SignerError::Refused(format!("{NAME} says no ({code}{said}): {advice}"))
}

/// Why nothing came back that is an answer of the service.
fn explain_way<E: Error + 'static>(error: &SdkError<E>) -> SignerError {
    let said = DisplayErrorContext(error).to_string();
    let lower = said.to_lowercase();
    SignerError::Unreachable(if lower.contains("region") && lower.contains("missing") {
        "nothing says in which region of AWS the key is: set AWS_REGION, or name the key by its ARN"
            .to_owned()
    } else if lower.contains("credential") {
        format!(
            "there are no credentials of AWS that can be used: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY ({})",
            words(&said)
        )
    } else if matches!(error, SdkError::TimeoutError(_)) || lower.contains("timeout") {
        format!("{NAME} did not answer in time, and nothing was sent: run it again")
    } else if matches!(error, SdkError::ResponseError(_)) {
        format!(
            "{NAME} answered something that cannot be read, and nothing was sent: run it again ({})",
            words(&said)
        )
    } else {
        format!(
            "{NAME} cannot be reached, and nothing was sent: check the region and the network ({})",
            words(&said)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_aws_says_is_found_within_what_the_library_makes_of_it() {
        let said = || signers::Error::other(AwsSignerError::SignatureRecoveryFailed);
        for error in [said(), signers::Error::other(said())] {
            let said = explain(error).to_string();
            assert!(said.contains("signed with another key than the one it showed"), "{said}");
        }
    }

    #[test]
    fn an_arn_says_its_region() {
        let arn = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        assert_eq!(region(arn), Some("eu-central-1"));
        for name in [
            "alias/owner",
            "1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:s3:eu:1:x",
            "arn:aws:kms::1:key/x",
            "arn",
        ] {
            assert_eq!(region(name), None, "{name}");
        }
    }
}
