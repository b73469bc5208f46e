//! What a call would come to in the next block, executed here on the state of the chain.

use crate::{
    Call, OperatorError,
    state::{Missing, State},
};
use alloy::primitives::{Address, B256, Bytes, TxKind, U256};
use devproof_chain::Node;
use devproof_contracts::explain_revert;
use devproof_primitives::BlockRef;
use revm::{
    Context, ExecuteEvm, MainBuilder, MainContext,
    context::{
        BlockEnv, TxEnv,
        result::{EVMError, ExecutionResult},
    },
    database_interface::WrapDatabaseRef,
};

/// Gas that a call may take here: that of a whole block of most chains.
const GAS: u64 = 30_000_000;

/// The most of what a contract said that is shown, in characters.
const MAX_SAID: usize = 74;

/// What a call would come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Simulation {
    /// It would do what it is to do.
    Succeeds {
        /// What it would take, in gas.
        gas: u64,
        /// What it would give back.
        output: Bytes,
        /// What contracts would say: address, topics and data.
        logs: Vec<(Address, Vec<B256>, Bytes)>,
    },
    /// The contract would refuse, for this reason: a sentence without a full stop.
    Refused(String),
}

/// Executes a call on the state after a block, in a block at `time`, Unix seconds. The state is read by the block's hash,
/// piece by piece as the EVM asks for it, so that the node needs no way to execute anything.
///
/// # Errors
/// What the node says; [`OperatorError::TooMuchState`]. A revert is an answer.
pub async fn simulate(
    node: &Node,
    after: BlockRef,
    time: u64,
    from: Address,
    call: &Call,
) -> Result<Simulation, OperatorError> {
    let mut state = State::after(after);
    loop {
        // Nothing waits inside of the EVM: where something is missing it stops, and begins again when it is there.
        match execute(&state, node.chain_id(), after.number.saturating_add(1), time, from, call)? {
            Ok(result) => return Ok(judge(result, time)),
            Err(missing) => state.fetch(node, missing).await?,
        }
    }
}

fn execute(
    state: &State,
    chain_id: u64,
    number: u64,
    time: u64,
    from: Address,
    call: &Call,
) -> Result<Result<ExecutionResult, Missing>, OperatorError> {
    let block = BlockEnv {
        number: U256::from(number),
        timestamp: U256::from(time),
        gas_limit: u64::MAX,
        basefee: 0,
        ..BlockEnv::default()
    };
    let context = Context::mainnet()
        .with_db(WrapDatabaseRef(state))
        .with_block(block)
        .modify_cfg_chained(|cfg| {
            cfg.chain_id = chain_id;
            // Whoever signs it knows it.
            cfg.disable_nonce_check = true;
            // A Safe is a caller with code.
            cfg.disable_eip3607 = true;
            cfg.tx_gas_limit_cap = Some(u64::MAX);
        });
    let inexecutable = |why: String| OperatorError::Inexecutable(why.chars().take(200).collect());
    let transaction = TxEnv::builder()
        .caller(from)
        .kind(TxKind::Call(call.target))
        .data(call.data.clone())
        .gas_limit(GAS)
        .gas_price(0)
        .chain_id(Some(chain_id))
        .build()
        .map_err(|error| inexecutable(format!("{error:?}")))?;
    match context.build_mainnet().transact(transaction) {
        Ok(executed) => Ok(Ok(executed.result)),
        Err(EVMError::Database(missing)) => Ok(Err(missing)),
        Err(error) => Err(inexecutable(error.to_string())),
    }
}

fn judge(result: ExecutionResult, time: u64) -> Simulation {
    match result {
        ExecutionResult::Success { gas, logs, output, .. } => Simulation::Succeeds {
            gas: gas.total_gas_spent(),
            output: output.into_data(),
            logs: (logs.into_iter())
                .map(|log| (log.address, log.data.topics().to_vec(), log.data.data))
                .collect(),
        },
        ExecutionResult::Revert { output, .. } => {
            let known = explain_revert(&output, time);
            Simulation::Refused(known.unwrap_or_else(|| {
                let said: String = output.to_string().chars().take(MAX_SAID).collect();
                format!("the contract refuses it, in words that are not known here ({said})")
            }))
        }
        ExecutionResult::Halt { reason, .. } => Simulation::Refused(format!(
            "the contract stops in the middle ({reason:?}): check that the address is that of an app"
        )),
    }
}
