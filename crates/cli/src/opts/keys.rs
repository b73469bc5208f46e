//! Where a key is. The operator's verbs sign with it, `devproof doctor` looks at it.

use clap::Args;
use devproof_signers::DerivationPath;
use std::path::PathBuf;

/// Where the key is that signs.
#[derive(Args, Clone, Debug, Default)]
pub struct KeyArgs {
    /// Use the key in this keystore, as `cast wallet` writes them. Its password is read from
    /// --password-file or DEVPROOF_PASSWORD, or asked for where something is to be signed.
    #[arg(long, env = "DEVPROOF_KEYSTORE", value_name = "FILE", verbatim_doc_comment)]
    pub keystore: Option<PathBuf>,
    /// Likewise this keystore of ~/.foundry/keystores.
    #[arg(long, env = "DEVPROOF_ACCOUNT", value_name = "NAME", verbatim_doc_comment)]
    pub account: Option<String>,
    /// Read the password of the keystore from this file.
    #[arg(long, env = "DEVPROOF_PASSWORD_FILE", value_name = "FILE", verbatim_doc_comment)]
    pub password_file: Option<PathBuf>,
    /// Use a key of the mnemonic phrase in this file; or DEVPROOF_MNEMONIC.
    #[arg(long, env = "DEVPROOF_MNEMONIC_FILE", value_name = "FILE", verbatim_doc_comment)]
    pub mnemonic_file: Option<PathBuf>,
    /// Take this account of the phrase, m/44'/60'/0'/0/INDEX.
    #[arg(long, value_name = "INDEX", default_value_t = 0, verbatim_doc_comment)]
    pub mnemonic_index: u32,
    /// Use a key of the Ledger that is plugged in, unlocked, with its Ethereum app open. Needs a
    /// devproof that was built with --features ledger.
    #[arg(long, verbatim_doc_comment)]
    pub ledger: bool,
    /// Take this key of the Ledger.
    #[arg(
        long,
        env = "DEVPROOF_LEDGER_PATH",
        value_name = "PATH",
        default_value_t,
        verbatim_doc_comment
    )]
    pub ledger_path: DerivationPath,
    /// Use this key in AWS KMS, which signs there; credentials and region are those that the tools
    /// of AWS use. Needs a devproof that was built with --features aws-kms.
    #[arg(long, env = "DEVPROOF_AWS_KMS_KEY", value_name = "ID", verbatim_doc_comment)]
    pub aws_kms_key: Option<String>,
}

impl KeyArgs {
    /// Whether these say where the key is.
    #[must_use]
    pub const fn is_named(&self) -> bool {
        self.ledger
            || self.aws_kms_key.is_some()
            || self.mnemonic_file.is_some()
            || self.keystore.is_some()
            || self.account.is_some()
    }
}
