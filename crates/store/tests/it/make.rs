//! Made-up blocks, logs and pages. A block is told by its height and its branch.

use alloy_primitives::{Address, B256, Bytes, keccak256};
use devproof_store::{BlockRef, Contract, Page, RawLog, Reading, Role};

pub(crate) const CHAIN: u64 = 31_337;

pub(crate) fn block(number: u64, branch: u64) -> BlockRef {
    let hash = keccak256([number.to_be_bytes(), branch.to_be_bytes()].concat());
    BlockRef { number, hash, timestamp: 1_000 + 12 * number }
}

pub(crate) fn who(n: u64) -> Address {
    Address::from_word(keccak256(n.to_be_bytes()))
}

pub(crate) fn topic(n: u64) -> B256 {
    keccak256(format!("Event{n}()"))
}

pub(crate) fn log(block: BlockRef, log_index: u64, emitter: u64) -> RawLog {
    let seed = keccak256([block.hash.as_slice(), &log_index.to_be_bytes()].concat());
    RawLog {
        block,
        log_index,
        tx_hash: keccak256([block.hash.as_slice(), &(log_index / 2).to_le_bytes()].concat()),
        tx_index: log_index / 2,
        address: who(emitter),
        topics: std::iter::once(topic(log_index % 3))
            .chain([seed; 3])
            .take(log_index as usize % 5)
            .collect(),
        data: Bytes::copy_from_slice(&seed[..log_index as usize % 33]),
    }
}

/// Found by the first contract, except for the first three, which the configuration names.
pub(crate) fn contract(n: u64, found_at: u64) -> Contract {
    Contract {
        chain_id: CHAIN,
        address: who(n),
        role: if n == 0 { Role::Factory } else { Role::App },
        named_by: (n > 2).then(|| who(0)),
        code_kind: "app_auth".to_owned(),
        code_hash: Some(topic(n)),
        implementation: None,
        found_at,
        history_verified_at: None,
    }
}

pub(crate) fn page(previous: Option<BlockRef>, checkpoint: BlockRef, logs: Vec<RawLog>) -> Page {
    Page {
        chain_id: CHAIN,
        previous: previous.map(|block| block.hash),
        contracts: Vec::new(),
        blocks: Vec::new(),
        logs,
        readings: Vec::new(),
        newborn: Vec::new(),
        checkpoint,
    }
}

/// The contract says whether it accepts any device.
pub(crate) fn reading(block: BlockRef) -> Reading {
    Reading {
        block,
        what: "any_device".to_owned(),
        subject: Bytes::new(),
        value: B256::with_last_byte(block.hash[2] % 2).to_vec().into(),
    }
}

/// Numbers below what is asked for, always the same for one life.
pub(crate) fn draws(life: u64) -> impl FnMut(u64) -> u64 {
    let mut drawn = 0_u64;
    move |below| {
        drawn += 1;
        let hash = keccak256([life.to_be_bytes(), drawn.to_be_bytes()].concat());
        u64::from_be_bytes(hash[..8].try_into().unwrap()) % below
    }
}
