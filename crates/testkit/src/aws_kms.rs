//! AWS KMS as far as a signer needs it: `GetPublicKey` and `Sign` of its JSON protocol, with a real key behind them.
//!
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html> and `API_GetPublicKey.html` beside it say what is asked
//! and answered. Signatures are DER and, as those of AWS, of either s. Requests have to be signed for the service; the
//! signature itself is not computed anew.

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use eyre::{OptionExt, Result, ensure};
use k256::ecdsa::{Signature, SigningKey, signature::hazmat::PrehashSigner};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What stands before a public key on secp256k1 in a `SubjectPublicKeyInfo` (RFC 5480), with the point uncompressed.
const SPKI: [u8; 23] = [
    0x30, 0x56, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x0a, 0x03, 0x42, 0x00,
];

/// How it answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// As it should, with the low s.
    #[default]
    Honest,
    /// As it should, with the high s, which verifies as well and which no chain takes.
    HighS,
    /// Signs with another key than the one that it shows.
    OtherKey,
    /// Signs something else than what it is asked to.
    OtherMessage,
    /// Refuses with a status, a code, and words.
    Refuses(u16, &'static str, &'static str),
    /// Shows the key, and refuses to sign.
    RefusesToSign(&'static str, &'static str),
    /// Says this, instead of a document.
    Says(&'static str),
    /// Takes so long.
    Slow(Duration),
}

/// A server on a port that the kernel chose. Cheap to clone; it ends with the runtime it was started on.
#[derive(Clone, Debug)]
pub struct AwsKms {
    url: String,
    key: SigningKey,
    address: Address,
    state: Arc<Mutex<(Mood, Vec<String>)>>,
}

impl AwsKms {
    /// The id of the key.
    pub const KEY_ID: &'static str = "1234abcd-12ab-34cd-56ef-1234567890ab";
    /// The only region that requests are taken for.
    pub const REGION: &'static str = "eu-central-1";

    /// Starts one that holds this key.
    ///
    /// # Errors
    /// If there is no port to listen at.
    pub async fn holding(key: &PrivateKeySigner) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let kms = Self {
            url: format!("http://{}", listener.local_addr()?),
            key: key.credential().clone(),
            address: key.address(),
            state: Arc::default(),
        };
        let app = Router::new().route("/", post(answer)).with_state(kms.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(kms)
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The account of the key.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// The ARN of the key.
    #[must_use]
    pub fn arn(&self) -> String {
        format!("arn:aws:kms:{}:111122223333:key/{}", Self::REGION, Self::KEY_ID)
    }

    /// From now on it answers so.
    pub fn set(&self, mood: Mood) {
        self.state().0 = mood;
    }

    /// What it was asked, by the name of the operation.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.state().1.clone()
    }

    /// What the tools of AWS have in their environment, so that they come here and look for nothing elsewhere.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 7] {
        [
            ("AWS_ENDPOINT_URL_KMS", self.url.clone()),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
            ("AWS_REGION", Self::REGION.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ]
    }

    fn state(&self) -> MutexGuard<'_, (Mood, Vec<String>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn respond(&self, operation: &str, asked: &Value, mood: &Mood) -> Result<Value> {
        let id = asked.get("KeyId").and_then(Value::as_str).unwrap_or_default();
        if id != Self::KEY_ID && id != self.arn() && id != "alias/owner" {
            return Ok(refusal(
                "NotFoundException",
                &format!("Key '{}' does not exist", self.arn()),
            ));
        }
        if operation == "TrentService.GetPublicKey" {
            let point = self.key.verifying_key().to_encoded_point(false);
            let spki = [&SPKI, point.as_bytes()].concat();
            return Ok(json!({
                "CustomerMasterKeySpec": "ECC_SECG_P256K1",
                "KeyId": self.arn(),
                "KeySpec": "ECC_SECG_P256K1",
                "KeyUsage": "SIGN_VERIFY",
                "PublicKey": BASE64.encode(spki),
                "SigningAlgorithms": ["ECDSA_SHA_256"],
            }));
        }
        ensure!(operation == "TrentService.Sign", "{operation}");
        let field = |name: &str| asked.get(name).and_then(Value::as_str);
        if field("MessageType") != Some("DIGEST")
            || field("SigningAlgorithm") != Some("ECDSA_SHA_256")
        {
            return Ok(refusal("ValidationException", "only digests are signed here"));
        }
        if let Mood::RefusesToSign(code, said) = mood {
            return Ok(refusal(code, said));
        }
        let mut digest = BASE64.decode(field("Message").ok_or_eyre("no message")?)?;
        if digest.len() != 32 {
            return Ok(refusal(
                "ValidationException",
                "Digest is invalid length for algorithm ECDSA_SHA_256.",
            ));
        }
        if *mood == Mood::OtherMessage {
            digest.reverse();
        }
        let signature: Signature = match mood {
            Mood::OtherKey => SigningKey::from_slice(&[7; 32])?.sign_prehash(&digest)?,
            _ => self.key.sign_prehash(&digest)?,
        };
        let low = signature.normalize_s().unwrap_or(signature);
        let signature = match mood {
            Mood::HighS => {
                let (r, s) = low.split_scalars();
                Signature::from_scalars(r, -s)?
            }
            _ => low,
        };
        Ok(json!({
            "KeyId": self.arn(),
            "Signature": BASE64.encode(signature.to_der()),
            "SigningAlgorithm": "ECDSA_SHA_256",
        }))
    }
}

fn refusal(code: &str, said: &str) -> Value {
    json!({"__type": code, "message": said})
}

fn document(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], body).into_response()
}

async fn answer(State(kms): State<AwsKms>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let operation = text("x-amz-target").to_owned();
    let scope = format!("/{}/kms/aws4_request", AwsKms::REGION);
    let signed = text("authorization")
        .starts_with("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/")
        && text("authorization").contains(&scope);
    let mood = {
        let mut state = kms.state();
        state.1.push(operation.trim_start_matches("TrentService.").to_owned());
        state.0.clone()
    };
    match mood {
        Mood::Slow(time) => tokio::time::sleep(time).await,
        Mood::Refuses(status, code, said) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            return document(status, refusal(code, said).to_string());
        }
        Mood::Says(text) => return document(StatusCode::OK, text.to_owned()),
        _ => {}
    }
    if !signed {
        let said = "Request is missing Authentication Token";
        return document(
            StatusCode::BAD_REQUEST,
            refusal("MissingAuthenticationTokenException", said).to_string(),
        );
    }
    let asked = serde_json::from_slice(&body).unwrap_or(Value::Null);
    match kms.respond(&operation, &asked, &mood) {
        Ok(answer) if answer.get("__type").is_some() => {
            document(StatusCode::BAD_REQUEST, answer.to_string())
        }
        Ok(answer) => document(StatusCode::OK, answer.to_string()),
        Err(error) => document(
            StatusCode::BAD_REQUEST,
            refusal("SerializationException", &error.to_string()).to_string(),
        ),
    }
}
