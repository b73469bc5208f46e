//! `devproof sigchain verify`: whether a key of an app leads to the root of a KMS.

use crate::{
    Failure, Outcome,
    cmd::input,
    opts::{SigchainArgs, SigchainCommand, SigchainVerifyArgs},
    shell::Shell,
    text::shown,
};
use alloy_primitives::{Address, Bytes};
use devproof_attestation::{
    Outcome as Result_, Warning, limits,
    sigchain::{Derived, SignatureChain},
};
use schemars::JsonSchema;
use serde::Serialize;

/// What was found about a chain.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChainVerdict {
    /// Whether the chain proves anything.
    pub overall: Result_,
    /// Whether it holds, which it also does where everybody can make it.
    pub valid: bool,
    /// What is wrong with it, in a sentence without a full stop.
    pub error: Option<String>,
    /// What nobody may overlook.
    pub warnings: Vec<Warning>,
    /// The root that it had to lead to.
    pub root: String,
    /// The app.
    pub app_id: String,
    /// What the derived key is for.
    pub purpose: String,
    /// The app's public key.
    #[schemars(with = "String")]
    pub app_key: Bytes,
    /// The derived public key.
    #[schemars(with = "String")]
    pub derived_key: Bytes,
    /// `secp256k1` or `ed25519`.
    pub derived_key_type: &'static str,
    /// The address of the derived key, if the chain holds and the key has one.
    pub derived_address: Option<String>,
    /// Calldata of `verify` of a SimpleDstackVerifier; ed25519 keys are beyond it.
    #[schemars(with = "Option<String>")]
    pub calldata: Option<Bytes>,
}

/// Runs the command.
///
/// # Errors
/// If there is no chain in the file.
pub fn run(args: SigchainArgs, shell: &mut Shell) -> Result<Outcome, Failure> {
    let SigchainCommand::Verify(args) = args.command;
    let verdict = verify(&args)?;
    shell.answer(&verdict, || render(&verdict))?;
    Ok(match verdict.overall {
        Result_::Pass => Outcome::Yes,
        Result_::Fail => Outcome::No,
        Result_::Inconclusive | Result_::NotEvaluated => Outcome::CouldNotTell,
    })
}

fn verify(args: &SigchainVerifyArgs) -> Result<ChainVerdict, Failure> {
    let root = args.root;
    if root.is_zero() {
        return Err(Failure::Usage("the root of a KMS is not the zero address".to_owned()));
    }
    let json = input::text(&args.file, limits::SIGNATURE_CHAIN)?;
    let chain = SignatureChain::parse(&json).map_err(|e| {
        let why = format!("{} is no signature chain: {e}", args.file.display());
        Failure::CouldNotTell(shown(&why))
    })?;
    Ok(ChainVerdict::new(&chain, root))
}

impl ChainVerdict {
    fn new(chain: &SignatureChain, root: Address) -> Self {
        let result = chain.verify(root);
        let warnings: Vec<_> = chain.warning(root).into_iter().collect();
        let ed25519 = chain.is_ed25519();
        Self {
            overall: match (&result, warnings.is_empty()) {
                (Err(_), _) => Result_::Fail,
                // It holds, and means nothing.
                (Ok(_), false) => Result_::Inconclusive,
                (Ok(_), true) => Result_::Pass,
            },
            valid: result.is_ok(),
            error: result.as_ref().err().map(ToString::to_string),
            warnings,
            root: format!("{root:#x}"),
            app_id: format!("{:#x}", chain.app_id),
            purpose: chain.purpose.clone(),
            app_key: chain.app_key.clone(),
            derived_key: chain.derived_key.clone(),
            derived_key_type: if ed25519 { "ed25519" } else { "secp256k1" },
            derived_address: match result {
                Ok(Derived::Secp256k1(address)) => Some(format!("{address:#x}")),
                Ok(Derived::Ed25519(_)) | Err(_) => None,
            },
            calldata: (!ed25519).then(|| chain.calldata()),
        }
    }
}

/// The verdict in words.
#[must_use]
pub fn render(verdict: &ChainVerdict) -> String {
    let mut text = match &verdict.error {
        None => {
            format!("The chain holds: it leads from root {} to the derived key.\n", verdict.root)
        }
        Some(error) => format!("The chain does not hold: {}.\n", shown(error)),
    };
    for warning in &verdict.warnings {
        text.push_str(&format!("WARNING: {}\n", shown(&warning.message)));
    }
    text.push_str(&format!(
        "\n  app          {}\n  purpose      {}\n  app key      {}\n  derived key  {} ({})\n",
        verdict.app_id,
        shown(&verdict.purpose),
        verdict.app_key,
        verdict.derived_key,
        verdict.derived_key_type
    ));
    if let Some(address) = &verdict.derived_address {
        text.push_str(&format!("  its address  {address}\n"));
    }
    if verdict.valid {
        text.push_str(
            "\nCode that was once authorised for this app held the key. Which version, and when, it does not say.\n",
        );
    }
    text
}
