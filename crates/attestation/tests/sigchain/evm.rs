//! The verifier contract in an EVM in process.

use alloy_primitives::{Address, Bytes, TxKind};
use alloy_sol_types::SolConstructor;
use devproof_contracts::bindings::verifier::SimpleDstackVerifier;
use revm::{
    Context, ExecuteCommitEvm, ExecuteEvm, MainBuilder, MainContext, MainnetEvm,
    context::{
        TxEnv,
        result::{ExecutionResult, Output},
    },
    database::{CacheDB, EmptyDB},
    handler::MainnetContext,
};

/// A verifier for one root.
pub(crate) struct Verifier {
    evm: MainnetEvm<MainnetContext<CacheDB<EmptyDB>>>,
    address: Address,
}

fn transaction(kind: TxKind, data: Bytes) -> TxEnv {
    TxEnv::builder()
        .caller(Address::repeat_byte(0xd0))
        .kind(kind)
        .data(data)
        .gas_limit(16_000_000)
        .gas_price(0)
        .build()
        .unwrap()
}

impl Verifier {
    pub(crate) fn new(root: Address) -> Self {
        let context = Context::mainnet()
            .with_db(CacheDB::<EmptyDB>::default())
            .modify_cfg_chained(|cfg| cfg.disable_nonce_check = true);
        let mut evm = context.build_mainnet();
        let arguments = SimpleDstackVerifier::constructorCall { kmsRoot_: root }.abi_encode();
        let code = [SimpleDstackVerifier::BYTECODE.as_ref(), &arguments].concat();
        match evm.transact_commit(transaction(TxKind::Create, code.into())).unwrap() {
            ExecutionResult::Success { output: Output::Create(_, Some(address)), .. } => {
                Self { evm, address }
            }
            other => panic!("not deployed: {other:?}"),
        }
    }

    /// What it answers, or the data it reverts with.
    pub(crate) fn ask(&mut self, data: Bytes) -> Result<Bytes, Bytes> {
        let call = transaction(TxKind::Call(self.address), data);
        match self.evm.transact(call).unwrap().result {
            ExecutionResult::Success { output, .. } => Ok(output.into_data()),
            ExecutionResult::Revert { output, .. } => Err(output),
            ExecutionResult::Halt { reason, .. } => panic!("halted: {reason:?}"),
        }
    }
}
