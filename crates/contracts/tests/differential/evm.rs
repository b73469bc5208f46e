//! An EVM in process, with a clock that the test sets.

use alloy_primitives::{Address, Bytes, TxKind, U256};
use alloy_sol_types::{SolCall, SolConstructor};
pub(crate) use revm::primitives::Log;
use revm::{
    Context, ExecuteCommitEvm, ExecuteEvm, MainBuilder, MainContext, MainnetEvm,
    context::{
        BlockEnv, TxEnv,
        result::{ExecutionResult, Output},
    },
    database::{CacheDB, EmptyDB},
    handler::MainnetContext,
};

pub(crate) const CHAIN_ID: u64 = 1;
const GAS_LIMIT: u64 = 16_000_000;

/// One chain, block by block.
pub(crate) struct Evm {
    inner: MainnetEvm<MainnetContext<CacheDB<EmptyDB>>>,
    /// Number of the current block.
    pub(crate) block: u64,
    /// Its time, Unix seconds.
    pub(crate) time: u64,
    /// Transactions so far.
    pub(crate) transactions: u64,
}

impl Evm {
    pub(crate) fn new() -> Self {
        let context =
            Context::mainnet().with_db(CacheDB::<EmptyDB>::default()).modify_cfg_chained(|cfg| {
                // Nonces and balances are not what is tested.
                cfg.disable_nonce_check = true;
            });
        let mut evm =
            Self { inner: context.build_mainnet(), block: 0, time: 1_700_000_000, transactions: 0 };
        evm.next_block(1_700_000_001);
        evm
    }

    /// Starts a new block at a time, Unix seconds.
    pub(crate) fn next_block(&mut self, time: u64) {
        self.block += 1;
        self.time = time;
        self.inner.set_block(BlockEnv {
            number: U256::from(self.block),
            timestamp: U256::from(time),
            gas_limit: u64::MAX,
            basefee: 0,
            ..BlockEnv::default()
        });
    }

    fn transaction(caller: Address, kind: TxKind, data: Bytes) -> TxEnv {
        TxEnv::builder()
            .caller(caller)
            .kind(kind)
            .data(data)
            .gas_limit(GAS_LIMIT)
            .gas_price(0)
            .chain_id(Some(CHAIN_ID))
            .build()
            .unwrap()
    }

    /// Deploys a contract; gives its address and what it emitted.
    pub(crate) fn deploy<C: SolConstructor>(
        &mut self,
        code: &Bytes,
        arguments: &C,
    ) -> (Address, Vec<Log>) {
        let init = [code.as_ref(), &arguments.abi_encode()].concat();
        let transaction =
            Self::transaction(Address::repeat_byte(0xd0), TxKind::Create, init.into());
        match self.inner.transact_commit(transaction).unwrap() {
            ExecutionResult::Success { output: Output::Create(_, Some(address)), logs, .. } => {
                (address, logs)
            }
            other => panic!("not deployed: {other:?}"),
        }
    }

    /// Sends a transaction; gives what it emitted, or `None` if it reverted.
    pub(crate) fn call(&mut self, from: Address, to: Address, data: Vec<u8>) -> Option<Vec<Log>> {
        self.transactions += 1;
        let transaction = Self::transaction(from, TxKind::Call(to), data.into());
        match self.inner.transact_commit(transaction).unwrap() {
            ExecutionResult::Success { logs, .. } => Some(logs),
            ExecutionResult::Revert { .. } => None,
            ExecutionResult::Halt { reason, .. } => panic!("halted: {reason:?}"),
        }
    }

    /// Asks a view.
    pub(crate) fn view<C: SolCall>(&mut self, to: Address, call: &C) -> C::Return {
        let transaction =
            Self::transaction(Address::ZERO, TxKind::Call(to), call.abi_encode().into());
        let result = self.inner.transact(transaction).unwrap().result;
        let output = result.output().unwrap_or_else(|| panic!("{}: {result:?}", C::SIGNATURE));
        C::abi_decode_returns(output).unwrap_or_else(|_| panic!("{}: {result:?}", C::SIGNATURE))
    }
}
