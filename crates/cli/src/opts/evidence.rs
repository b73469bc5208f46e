//! The arguments of the verbs that look at evidence.

use alloy_primitives::{Address, Bytes};
use clap::{Args, Subcommand};
use devproof_api::{When, parse};
use devproof_attestation::ReportData;
use devproof_evidence::{INTEL_PCS, PHALA_PCCS, Pccs, Verifier};
use std::path::PathBuf;

/// Arguments of `devproof verify`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof verify quote.json --collateral collateral.json
  devproof verify quote.json --collateral collateral.json --time 1771500000 --compose app-compose.json --json
  curl -s https://app.example/quote | devproof verify - --report-data app-data:c0ffee --collateral collateral.json
  devproof verify https://app.example/quote --pccs phala --collateral-cache ~/.cache/devproof
  devproof verify quote.json --pccs intel --backend local --backend dstack-verifier=https://verifier.example
  devproof verify https://app.example/quote --pccs phala --kms 0x2f83172a49584c017f2b256f0fb2dca14126ba9c \
      --rpc-url http://127.0.0.1:8545 --challenge challenge.json
  devproof verify chain.pem --collateral collateral.json --kms-ca-key $(cat kms-ca-key.hex)

EVIDENCE is the JSON of a GetQuote reply (quote, event_log, vm_config, app_compose), a dstack attestation, Phala
Cloud's reply about attestations, certificates in PEM, or a quote: in a file, on standard input, or at a URL, for
instance that of a machine's guest agent. unix:/var/run/dstack.sock asks the agent of the machine that this runs on for
a new quote, and so does unix:/var/run/tappd.sock before dstack 0.5 (tappd:SOCKET where it has another name). Nobody else is asked but who is named, and a service that does not answer proves nothing.

Exit codes: 0 every row that the policy requires passes, 1 one fails, 2 could not tell.")]
pub struct VerifyArgs {
    /// Read the evidence from this file, from standard input if it is -, from a URL, or from unix:SOCKET or tappd:SOCKET.
    #[arg(value_name = "EVIDENCE", verbatim_doc_comment)]
    pub evidence: PathBuf,
    /// How it is judged.
    #[command(flatten)]
    pub judge: JudgeArgs,
    /// Ask this KMS contract, through the node of --rpc-url, for its keys and whether it allows this boot.
    #[arg(long, value_name = "ADDRESS", value_parser = parse::app, verbatim_doc_comment)]
    pub kms: Option<Address>,
    /// Ask after this block: its number, its hash, or finalized, safe or unsafe [default: the newest, as a KMS does].
    #[arg(long, value_name = "BLOCK", value_parser = parse::block, verbatim_doc_comment)]
    pub block: Option<When>,
    /// Require that the quote was made for this challenge, a file that `devproof challenge` wrote.
    #[arg(long, value_name = "FILE", conflicts_with = "report_data", verbatim_doc_comment)]
    pub challenge: Option<PathBuf>,
    /// Compare this app-compose.json, to the byte, with what runs.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub compose: Option<PathBuf>,
    /// Require that the quote was made for this: up to 64 bytes, or a scheme and a content, app-data:HEX (sha512),
    /// sha256:HEX (likewise sha384, sha512, sha3-256, ..., keccak512, each of "app-data:" and the content), ratls:HEX.
    #[arg(long, value_name = "HEX", verbatim_doc_comment)]
    pub report_data: Option<ReportData>,
    /// Compare with this public key of the KMS's root CA, caPubkey of kmsInfo() in its contract.
    #[arg(long, value_name = "HEX", verbatim_doc_comment)]
    pub kms_ca_key: Option<Bytes>,
    /// Compare with this secp256k1 root key of the KMS, k256Pubkey of kmsInfo() in its contract.
    #[arg(long, value_name = "HEX", verbatim_doc_comment)]
    pub kms_root_key: Option<Bytes>,
    /// Look at this chain of keys as well, the JSON that `devproof sigchain verify` takes.
    #[arg(long, value_name = "FILE", requires = "kms_root_key", verbatim_doc_comment)]
    pub signature_chain: Option<PathBuf>,
    /// Look at this instance, from 0, where the evidence has several.
    #[arg(long, value_name = "NUMBER", verbatim_doc_comment)]
    pub instance: Option<usize>,
}

/// How evidence is judged, whatever it is for.
#[derive(Args, Clone, Debug)]
pub struct JudgeArgs {
    /// Judge as of this time, Unix seconds or RFC 3339 [default: the time in a saved bundle, else now].
    #[arg(long, value_name = "UNIX", value_parser = parse::time, verbatim_doc_comment)]
    pub time: Option<u64>,
    /// Read what Intel says about the platform from this file, the JSON of dcap-qvl [default: that in a saved bundle].
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub collateral: Option<PathBuf>,
    /// Who else is asked.
    #[command(flatten)]
    pub services: ServicesArgs,
    /// Ask nobody over the network, whatever is configured.
    #[arg(long, verbatim_doc_comment)]
    pub offline: bool,
    /// Trust the root CA in this file (PEM or DER) instead of Intel's: for tests only.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub root_ca: Option<PathBuf>,
    /// Demand what this policy file (TOML) says [default: a strict policy].
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub policy: Option<PathBuf>,
}

/// Arguments of `devproof compare`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof compare one.json two.json --pccs phala
  devproof compare https://cloud-api.phala.com/api/v1/apps/3763bc34552cf3a27ff71ad5f7a90471562a1a2d/attestations --pccs intel

Firmware, its configuration, kernel, command line, app, version and key provider have to be the same; RTMR3 and the
instance's id are different by design.

Exit codes: 0 the same, 1 something differs or is refused, 2 could not tell.")]
pub struct CompareArgs {
    /// Read evidence from here, as for `devproof verify`; all instances of it are looked at.
    #[arg(value_name = "EVIDENCE", required = true, verbatim_doc_comment)]
    pub evidence: Vec<PathBuf>,
    /// How each is judged.
    #[command(flatten)]
    pub judge: JudgeArgs,
}

/// Who is asked about evidence, and nobody else.
#[derive(Args, Clone, Debug)]
pub struct ServicesArgs {
    /// Ask this service for collateral, a PCCS or Intel's own: a URL, intel or phala; may be repeated, the next one is
    /// asked where one does not answer.
    #[arg(long, env = "DEVPROOF_PCCS", value_name = "URL", value_parser = pccs, value_delimiter = ',', verbatim_doc_comment)]
    pub pccs: Vec<String>,
    /// Keep collateral in this folder, by its SHA-256, and take from there what is valid.
    #[arg(long, env = "DEVPROOF_COLLATERAL_CACHE", value_name = "FOLDER", verbatim_doc_comment)]
    pub collateral_cache: Option<PathBuf>,
    /// Let this verify: local, dstack-verifier=URL, phala or phala=URL; may be repeated [default: local].
    #[arg(long, value_name = "VERIFIER", verbatim_doc_comment)]
    pub backend: Vec<Verifier>,
}

/// Arguments of `devproof challenge`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof challenge --rpc-url http://127.0.0.1:8545 > challenge.json
  curl -s https://app.example/quote?report_data=$(jq -r .reportData challenge.json) > quote.json
  devproof verify quote.json --challenge challenge.json --kms 0x2f83172a49584c017f2b256f0fb2dca14126ba9c \\
      --rpc-url http://127.0.0.1:8545

Ask a machine for a quote with reportData. It commits to the hash of a block, so the quote is made after that block; the
32 random bytes keep anybody else's quote from fitting. docs/attestation.md has the format.")]
pub struct ChallengeArgs {
    /// Commit to this block: its number, its hash, or finalized, safe or unsafe [default: safe; unsafe on local chains].
    #[arg(long, value_name = "BLOCK", value_parser = parse::block, verbatim_doc_comment)]
    pub block: Option<When>,
}

/// Arguments of `devproof sigchain`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof sigchain verify chain.json --root 0x52d3cf51c8a37a2ccfc79bbb98c7810d7dd4ce51")]
pub struct SigchainArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: SigchainCommand,
}

/// What is done with a chain of signatures.
#[derive(Clone, Debug, Subcommand)]
pub enum SigchainCommand {
    /// Check a chain of signatures from the root of a KMS to a key of an app.
    #[command(verbatim_doc_comment)]
    Verify(SigchainVerifyArgs),
}

/// Arguments of `devproof sigchain verify`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  devproof sigchain verify chain.json --root 0x52d3cf51c8a37a2ccfc79bbb98c7810d7dd4ce51
  devproof sigchain verify chain.json --root 0x52d3cf51c8a37a2ccfc79bbb98c7810d7dd4ce51 --json

FILE is JSON with app_id, purpose, app_pubkey, derived_pubkey, app_signature and kms_signature, all in hexadecimal but
the purpose. The rules are those of the contract SimpleDstackVerifier; --json has calldata for it.

Exit codes: 0 the chain holds, 1 it does not, 2 could not tell, for instance because everybody can make this chain.")]
pub struct SigchainVerifyArgs {
    /// Read the chain from this file, or from standard input if it is -.
    #[arg(value_name = "FILE", verbatim_doc_comment)]
    pub file: PathBuf,
    /// Demand that it leads to this root: the address of k256Pubkey of kmsInfo(), not that of the KMS contract.
    #[arg(long, value_name = "ADDRESS", value_parser = parse::app, verbatim_doc_comment)]
    pub root: Address,
}

/// A service that gives collateral; two go by a name.
pub(crate) fn pccs(text: &str) -> Result<String, String> {
    let url = match text {
        "intel" => INTEL_PCS,
        "phala" => PHALA_PCCS,
        url => url,
    };
    Pccs::new(url).map(|_| url.to_owned()).map_err(|e| e.to_string())
}
