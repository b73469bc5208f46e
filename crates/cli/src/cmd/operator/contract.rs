//! `devproof contract verify`: whether the notice of an app is kept by code that nobody can change.

use super::{act, words};
use crate::{
    Failure, Outcome,
    config::Settings,
    opts::{ContractArgs, ContractCommand},
    shell::Shell,
    text::{shown, span},
};
use alloy_primitives::{Address, B256};
use devproof_contracts::Code;
use devproof_operator::{
    Born,
    verify::{Compared, Verified, verify},
};
use schemars::JsonSchema;
use serde::Serialize;

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Contract {
    chain_id: u64,
    address: Address,
    block: u64,
    block_hash: B256,
    code: &'static str,
    code_hash: B256,
    /// `enforced`: by code known to be immutable. `test_build`, or `unknown`.
    notice: &'static str,
    /// `recompiled`, or `committed_artifacts`.
    compared_with: &'static str,
    /// What compiled it; `null` if nothing was compiled.
    compiler: Option<String>,
    /// What the address commits to; `null` if nothing is known of that.
    birth: Option<Birth>,
    /// Why not, as a sentence.
    birth_not_known: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Birth {
    factory: Address,
    salt: B256,
    block: u64,
    settings: Born,
}

/// Runs `devproof contract`.
///
/// # Errors
/// What keeps it from an answer.
pub async fn run(
    args: ContractArgs,
    settings: Settings,
    shell: &mut Shell,
) -> Result<Outcome, Failure> {
    let ContractCommand::Verify(args) = args.command;
    let node = act::node(&settings, false).await?;
    let verified = verify(&node, args.address, args.solc.as_deref()).await?;
    let (compared_with, compiler) = match &verified.compared {
        Compared::Artifacts => ("committed_artifacts", None),
        Compared::Recompiled { compiler } => ("recompiled", Some(compiler.clone())),
    };
    let (birth, birth_not_known) = match &verified.birth {
        Ok(it) => {
            let (factory, salt, block) = (it.factory, it.salt, it.block);
            (Some(Birth { factory, salt, block, settings: it.born.clone() }), None)
        }
        Err(why) => (None, Some(why.clone())),
    };
    let answer = Contract {
        chain_id: node.chain_id(),
        address: verified.address,
        block: verified.block.number,
        block_hash: verified.block.hash,
        code: verified.code.name(),
        code_hash: verified.code_hash,
        notice: match verified.code {
            Code::AppAuth => "enforced",
            Code::AppAuthTest => "test_build",
            _ => "unknown",
        },
        compared_with,
        compiler,
        birth,
        birth_not_known,
    };
    shell.answer(&answer, || render(&answer, &verified))?;
    Ok(if verified.code == Code::AppAuth { Outcome::Yes } else { Outcome::No })
}

fn render(answer: &Contract, verified: &Verified) -> String {
    let mut text = format!(
        "The contract at {} on chain {}, after block {} ({}):\n{}\n\n  code hash {:#x}\n",
        answer.address,
        answer.chain_id,
        answer.block,
        words::time(verified.block.timestamp),
        what(verified.code),
        answer.code_hash
    );
    text.push_str(&match &answer.compiler {
        Some(compiler) => format!(
            "  compared, byte by byte, with what {compiler} made of the committed sources just now\n"
        ),
        None => "  compared, byte by byte, with the committed artifacts; nothing was compiled here (--solc does)\n".to_owned(),
    });
    match (&answer.birth, &answer.birth_not_known) {
        (Some(birth), _) => {
            text.push_str(&format!(
                "\nIts address commits to what it was born with, in block {} by the factory {} with the salt {:#x}:\n{}",
                birth.block,
                birth.factory,
                birth.salt,
                settings(&birth.settings)
            ));
        }
        (None, Some(why)) if verified.code == Code::AppAuth => {
            text.push_str(&format!(
                "\nWhat it was born with is not shown by its address: {}.\n",
                shown(why)
            ));
        }
        _ => {}
    }
    text
}

/// What the code is worth.
const fn what(code: Code) -> &'static str {
    match code {
        Code::AppAuth => {
            "AppAuth. The notice is enforced by code that nobody can change: no proxy, no owner's way around it. Not even its owner \
             can widen anything without the notice that holds."
        }
        Code::AppAuthTest => {
            "The test build of AppAuth. Its code cannot be changed either, but its notice may be zero: it protects nobody."
        }
        Code::DstackApp | Code::LegacyAppAuth => {
            "It answers as a stock contract behind a proxy does. No notice exists, and its owner can replace the code, unless that \
             was given up: see `devproof at`."
        }
        Code::TimelockAppAuth => {
            "It answers as the tutorial's TimelockAppAuth does. What it really does nobody checked: its code is another one for every \
             compiler."
        }
        Code::Unknown => "Nobody knows this code. Whatever it says of a notice may be untrue.",
    }
}

fn settings(born: &Born) -> String {
    let who = |address: Address| {
        if address.is_zero() { "nobody".to_owned() } else { address.to_string() }
    };
    let mut text = format!(
        "  owner     {}\n  guardian  {}\n  notice    {}\n  TCB       {}\n",
        who(born.owner),
        who(born.guardian),
        span(u64::from(born.notice_seconds)),
        if born.require_tcb_up_to_date { "must be up to date" } else { "need not be up to date" }
    );
    for version in &born.compose_hashes {
        text.push_str(&format!("  version   {version:#x}\n"));
    }
    if born.allow_any_device {
        text.push_str("  device    any\n");
    } else {
        for device in &born.devices {
            text.push_str(&format!("  device    {device:#x}\n"));
        }
    }
    for image in &born.os_images {
        text.push_str(&format!("  OS image  {image:#x}\n"));
    }
    if born.os_images.is_empty() {
        text.push_str("  OS image  any that the KMS admits\n");
    }
    text
}
