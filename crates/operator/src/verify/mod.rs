//! Whether the notice of an app is kept by code that nobody can change, and what the app was born with.

#[cfg(feature = "recompile")]
mod recompile;

use crate::{Born, OperatorError, history, plan::predict};
use alloy::{
    primitives::{Address, B256, Bytes, keccak256},
    sol_types::SolEvent,
};
use devproof_chain::Node;
use devproof_contracts::{
    Code,
    bindings::{
        AppAuth,
        factory::{AppAuthFactory, IAppAuth},
        test_build::AppAuthTestBuild,
    },
};
use devproof_primitives::BlockRef;
use std::path::Path;

/// What the code on the chain was compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// With the committed artifacts, which were compiled when this program was made.
    Artifacts,
    /// With what this compiler made of the committed sources just now.
    Recompiled {
        /// Its version.
        compiler: String,
    },
}

/// What was found out about a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The contract.
    pub address: Address,
    /// The block after which it was looked at.
    pub block: BlockRef,
    /// The kind of code. AppAuth and its test build are known by their hash and cannot be changed; all others are known by
    /// what they answer.
    pub code: Code,
    /// Keccak-256 of the code.
    pub code_hash: B256,
    /// What it was compared with.
    pub compared: Compared,
    /// What its address commits to; or why that is not known, as a sentence without a full stop.
    pub birth: Result<Birth, String>,
}

/// How an app came into being through a factory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Birth {
    /// The factory that deployed it.
    pub factory: Address,
    /// The salt.
    pub salt: B256,
    /// What it was born with. Its address is the hash of this, of the code, of the salt and of the factory (EIP-1014), so
    /// nothing of it can be made up.
    pub born: Born,
    /// The block in which it was born.
    pub block: u64,
}

/// The code of an app, and of its test build.
pub(crate) struct Codes {
    pub(crate) app_auth: Bytes,
    pub(crate) test_build: Bytes,
}

/// Compares the code of a contract with ours. `solc` is a compiler that compiles the sources anew.
///
/// # Errors
/// [`OperatorError::NoContract`]; [`OperatorError::Unsupported`] if it cannot compile, or compiles something else; or what the node
/// says.
pub async fn verify(
    node: &Node,
    address: Address,
    solc: Option<&Path>,
) -> Result<Verified, OperatorError> {
    let committed = Codes {
        app_auth: AppAuth::DEPLOYED_BYTECODE.clone(),
        test_build: AppAuthTestBuild::DEPLOYED_BYTECODE.clone(),
    };
    let (codes, compared) = match solc {
        None => (committed, Compared::Artifacts),
        Some(solc) => {
            let (codes, compiler) = recompiled(solc)?;
            if codes.app_auth != committed.app_auth || codes.test_build != committed.test_build {
                return Err(OperatorError::Unsupported(format!(
                    "the compiler {compiler} makes other code of the sources than the one that is committed: nothing can be said \
                     until it is known why"
                )));
            }
            (codes, Compared::Recompiled { compiler })
        }
    };
    let block = node.heads().await?.latest;
    let bytes = node.account_state(address, block.hash).await?.code;
    if bytes.is_empty() {
        return Err(OperatorError::NoContract(address));
    }
    let code = if bytes == codes.app_auth {
        Code::AppAuth
    } else if bytes == codes.test_build {
        Code::AppAuthTest
    } else {
        node.identify(address, block.number).await?.code
    };
    let birth = match code {
        Code::AppAuth => birth(node, address, block.number).await?,
        _ => Err("only the address of an AppAuth commits to what it was born with".to_owned()),
    };
    Ok(Verified { address, block, code, code_hash: keccak256(&bytes), compared, birth })
}

/// Looks for what a factory said in the block in which the app was born, and whether the address follows from it.
async fn birth(
    node: &Node,
    app: Address,
    head: u64,
) -> Result<Result<Birth, String>, OperatorError> {
    let born_in = match history::birth(node, app, head).await {
        Ok(block) => block,
        Err(OperatorError::History(why)) => return Ok(Err(why)),
        Err(error) => return Err(error),
    };
    let Some(header) = node.header(born_in).await? else {
        return Ok(Err(format!("the node has no block {born_in}")));
    };
    let Some(logs) = node.proved_logs(&header).await? else {
        return Ok(Err(format!("the receipts of block {born_in} cannot be had")));
    };
    let found = logs.iter().find_map(|log| {
        let topics = log.topics.iter().copied();
        let said = AppAuthFactory::AppDeployed::decode_raw_log_validate(topics, &log.data).ok()?;
        let born = born(said.settings);
        // Whoever said it: the address either follows from it or not.
        (predict(log.address, &born, said.salt) == app).then_some(Birth {
            factory: log.address,
            salt: said.salt,
            born,
            block: born_in,
        })
    });
    Ok(found.ok_or_else(|| {
        format!("it was not deployed through a factory in block {born_in}, so that its address commits to nothing")
    }))
}

fn born(settings: IAppAuth::Settings) -> Born {
    Born {
        owner: settings.owner,
        guardian: settings.guardian,
        notice_seconds: settings.noticePeriod,
        allow_any_device: settings.allowAnyDevice,
        require_tcb_up_to_date: settings.requireTcbUpToDate,
        compose_hashes: settings.composeHashes,
        devices: settings.devices,
        os_images: settings.osImages,
    }
}

#[cfg(feature = "recompile")]
fn recompiled(solc: &Path) -> Result<(Codes, String), OperatorError> {
    recompile::compile(solc)
}

#[cfg(not(feature = "recompile"))]
fn recompiled(_: &Path) -> Result<(Codes, String), OperatorError> {
    Err(OperatorError::Unsupported(
        "this devproof was built without the feature `recompile`: build it with `cargo build --release --package devproof --features recompile`, or leave --solc out".to_owned(),
    ))
}
