//! The committed sources, compiled anew.

use super::Codes;
use crate::OperatorError;
use alloy::primitives::Bytes;
use foundry_compilers::{
    artifacts::{
        BytecodeHash, EvmVersion, Settings, SolcInput, SolcLanguage, Source, Sources,
        output_selection::OutputSelection,
    },
    solc::Solc,
};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The sources of AppAuth and its test build, as they were committed with this program.
const SOURCES: [(&str, &str); 5] = [
    ("contracts/AppAuth.sol", include_str!("../../../../contracts/AppAuth.sol")),
    (
        "contracts/interfaces/IAppAuth.sol",
        include_str!("../../../../contracts/interfaces/IAppAuth.sol"),
    ),
    (
        "contracts/interfaces/IDstackAppAuth.sol",
        include_str!("../../../../contracts/interfaces/IDstackAppAuth.sol"),
    ),
    ("contracts/libraries/Kinds.sol", include_str!("../../../../contracts/libraries/Kinds.sol")),
    (
        "contracts/local/AppAuthTestBuild.sol",
        include_str!("../../../../contracts/local/AppAuthTestBuild.sol"),
    ),
];
/// As in foundry.toml, which the artifacts were compiled with; a test compares what comes of it.
const OPTIMIZER_RUNS: usize = 10_000;

/// Compiles them, and gives the version of the compiler as well.
pub(super) fn compile(solc: &Path) -> Result<(Codes, String), OperatorError> {
    let cannot = |why: String| {
        let why: String = why.chars().take(300).collect();
        OperatorError::Unsupported(format!(
            "{} does not compile the sources ({why}): name solc 0.8.37 with --solc",
            solc.display()
        ))
    };
    let solc = Solc::new(solc).map_err(|error| cannot(error.to_string()))?;
    let mut settings = Settings::default();
    settings.optimizer.enabled = Some(true);
    settings.optimizer.runs = Some(OPTIMIZER_RUNS);
    settings.evm_version = Some(EvmVersion::Cancun);
    settings.metadata = Some(BytecodeHash::None.into());
    settings.output_selection =
        OutputSelection::common_output_selection(["evm.deployedBytecode.object".to_owned()]);
    let sources: Sources =
        SOURCES.iter().map(|(name, text)| (PathBuf::from(name), Source::new(*text))).collect();
    let input = SolcInput::new(SolcLanguage::Solidity, sources, settings);
    let output: Value = solc.compile_as(&input).map_err(|error| cannot(error.to_string()))?;
    let code = |file: &str, name: &str| -> Result<Bytes, OperatorError> {
        let place =
            format!("/contracts/{}/{name}/evm/deployedBytecode/object", file.replace('/', "~1"));
        let object = output.pointer(&place).and_then(Value::as_str);
        let error = || {
            let said = output.pointer("/errors/0/message").and_then(Value::as_str);
            cannot(said.unwrap_or("it gives no code").to_owned())
        };
        object.and_then(|object| object.parse().ok()).ok_or_else(error)
    };
    let codes = Codes {
        app_auth: code("contracts/AppAuth.sol", "AppAuth")?,
        test_build: code("contracts/local/AppAuthTestBuild.sol", "AppAuthTestBuild")?,
    };
    Ok((codes, format!("solc {}", solc.version)))
}
