//! The state of the chain after one block, as far as it was asked for, for the EVM.

use crate::OperatorError;
use alloy::primitives::{Address, B256, KECCAK256_EMPTY, U256, keccak256};
use devproof_chain::{AccountState, Node};
use devproof_primitives::BlockRef;
use revm::{
    DatabaseRef, bytecode::Bytecode, database_interface::DBErrorMarker, state::AccountInfo,
};
use std::{collections::HashMap, fmt};

/// The most pieces of state that one call may ask for. The largest call here, a deployment with hundreds of versions,
/// takes fewer; a contract that asks for more is none of those that we call.
const MOST: usize = 1_024;

/// What the EVM asked for and is not here yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Account(Address),
    Slot(Address, U256),
    BlockHash(u64),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(address) => write!(f, "account {address}"),
            Self::Slot(address, slot) => write!(f, "slot {slot:#x} of {address}"),
            Self::BlockHash(number) => write!(f, "the hash of block {number}"),
        }
    }
}

impl std::error::Error for Missing {}
impl DBErrorMarker for Missing {}

/// The state after a block. Everything in it was read by the block's hash.
#[derive(Debug)]
pub(crate) struct State {
    block: BlockRef,
    accounts: HashMap<Address, AccountInfo>,
    slots: HashMap<(Address, U256), U256>,
    hashes: HashMap<u64, B256>,
}

impl State {
    pub(crate) fn after(block: BlockRef) -> Self {
        let hashes = HashMap::from([(block.number, block.hash)]);
        Self { block, accounts: HashMap::new(), slots: HashMap::new(), hashes }
    }

    /// Reads what was missing.
    pub(crate) async fn fetch(&mut self, node: &Node, what: Missing) -> Result<(), OperatorError> {
        let pieces = self.accounts.len() + self.slots.len() + self.hashes.len();
        if pieces >= MOST {
            return Err(OperatorError::TooMuchState(pieces));
        }
        match what {
            Missing::Account(address) => {
                let account = node.account_state(address, self.block.hash).await?;
                self.accounts.insert(address, info(account));
            }
            Missing::Slot(address, slot) => {
                let word = node.slot(address, slot, self.block.hash).await?;
                self.slots.insert((address, slot), word);
            }
            Missing::BlockHash(number) => {
                let hash = node.block(number).await?.map(|block| block.hash);
                self.hashes.insert(number, hash.unwrap_or_default());
            }
        }
        Ok(())
    }
}

fn info(account: AccountState) -> AccountInfo {
    let AccountState { balance, nonce, code } = account;
    let code_hash = if code.is_empty() { KECCAK256_EMPTY } else { keccak256(&code) };
    // Whatever it is: what begins like a delegation and is none is code that does nothing.
    let code = Bytecode::new_raw_checked(code).unwrap_or_default();
    AccountInfo { balance, nonce, code_hash, code: Some(code), ..AccountInfo::default() }
}

impl DatabaseRef for State {
    type Error = Missing;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Missing> {
        self.accounts.get(&address).cloned().map(Some).ok_or(Missing::Account(address))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Missing> {
        // Accounts bring their code.
        let found = self.accounts.values().find(|it| it.code_hash == code_hash);
        Ok(found.and_then(|it| it.code.clone()).unwrap_or_default())
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Missing> {
        self.slots.get(&(address, slot)).copied().ok_or(Missing::Slot(address, slot))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Missing> {
        self.hashes.get(&number).copied().ok_or(Missing::BlockHash(number))
    }
}
