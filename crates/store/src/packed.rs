//! How what was said in one block is written down.
//!
//! Logs are made of 32-byte words, most of which are padded with zeros, are names that every contract of a kind says
//! (topics, policies), or were said a word ago: dstack contracts say each change twice, in the event that tools know
//! and in the one that names the actor. So:
//!
//! ```text
//! said  = transaction*                                in the order of their place in the block
//! transaction = number(place: the first as it is, then the distance) hash:32 number(how many logs) log*
//! log   = number(index: the first of the transaction as it is, then the distance) number(contract) topics:u8
//!         word{topics} number(length of the data) word{length / 32} byte{length % 32}
//! word  = 0..=32    so many bytes at the right, zeros before them
//!       | 33..=63   so many bytes + 32 at the left, zeros behind them
//!       | 64..=127  the word that was written so many + 64 + 1 words ago
//!       | 128..     the word of that place + 128 in [`NAMES`]
//! number = LEB128
//! ```
//!
//! Contracts are written as the numbers that the database gave them.

use crate::error::{Result, StoreError};
use alloy_primitives::{B256, keccak256, map::B256Map};
use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

/// What the words of the dictionary are the Keccak-256 of. The format depends on the order: only ever append, and no
/// more than 128.
const NAMES: [&str; 58] = [
    "ComposeHashAdded(bytes32)",
    "ComposeHashRemoved(bytes32)",
    "DeviceAdded(bytes32)",
    "DeviceRemoved(bytes32)",
    "AllowAnyDeviceSet(bool)",
    "RequireTcbUpToDateSet(bool)",
    "UpgradesDisabled()",
    "PolicyChanged(address,bytes32,bytes32,bool)",
    "Initialized(uint64)",
    "Initialized(uint8)",
    "Upgraded(address)",
    "OwnershipTransferred(address,address)",
    "OwnershipTransferStarted(address,address)",
    "AppRegistered(address)",
    "AppDeployedViaFactory(address,address)",
    "AppDeployedViaFactory(address,address,address)",
    "OsImageHashAdded(bytes32)",
    "OsImageHashRemoved(bytes32)",
    "GatewayAppIdSet(string)",
    "KmsInfoSet(bytes)",
    "KmsAggregatedMrAdded(bytes32)",
    "KmsAggregatedMrRemoved(bytes32)",
    "KmsDeviceAdded(bytes32)",
    "KmsDeviceRemoved(bytes32)",
    "AppImplementationSet(address)",
    "AppAuthImplementationSet(address)",
    "compose-hash",
    "device",
    "allow-any-device",
    "require-tcb-up-to-date",
    "upgrades-disabled",
    "implementation-upgrade",
    "registered-app",
    "os-image",
    "kms-info",
    "gateway-app-id",
    "app-implementation",
    "kms-aggregated-mr",
    "kms-device",
    "HistoryExtended(bytes32,uint8,bytes32,address)",
    "ComposeHashProposed(bytes32,uint48,uint48,bytes32,string)",
    "ComposeHashCancelled(bytes32,address)",
    "Proposed(uint8,bytes32,uint48,uint48)",
    "Cancelled(uint8,bytes32,address)",
    "NoticePeriodSet(uint32)",
    "GuardianSet(address)",
    "Frozen(uint8)",
    "OsImageAdded(bytes32)",
    "OsImageRemoved(bytes32)",
    "OsImagesCleared()",
    "AppDeployed(address,address,address,bytes32,(address,address,uint32,bool,bool,bytes32[],bytes32[],bytes32[]))",
    "HistoryExtended(address,bytes32,uint8,bytes32,address)",
    "DeletionAttested(bytes32,address,bytes32,bytes32,bytes32,uint64,bytes32,address)",
    "DeletionBatchAttested(bytes32,address,bytes32,uint256,uint64,bytes32,address)",
    "DeletionBatchEntry(bytes32,bytes32)",
    "DeletionRootAttested(bytes32,address,bytes32,bytes32,uint64,uint64,bytes32,address)",
    "SignerRegistered(address,address,bytes,bytes,bytes,bytes)",
    "SignerRevoked(address,address,address)",
];

static WORDS: LazyLock<(Vec<B256>, B256Map<u8>)> = LazyLock::new(|| {
    let words: Vec<B256> = NAMES.iter().map(keccak256).collect();
    let places = words.iter().zip(128..=u8::MAX).map(|(word, place)| (*word, place)).collect();
    (words, places)
});

/// How many words back a word is remembered.
const WINDOW: usize = 64;

/// A transaction as it is packed: its block is told elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackedTx<'a> {
    pub(crate) hash: B256,
    /// By index, in its order. At least one.
    pub(crate) logs: Vec<(u64, PackedLog<'a>)>,
}

impl PackedTx<'_> {
    /// The log with an index.
    pub(crate) fn log(&self, index: u64) -> Option<&PackedLog<'_>> {
        let at = self.logs.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        self.logs.get(at).map(|(_, log)| log)
    }
}

/// A log as it is packed: of somebody who holds it, or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackedLog<'a> {
    pub(crate) contract: i64,
    pub(crate) topics: Cow<'a, [B256]>,
    pub(crate) data: Cow<'a, [u8]>,
}

/// What was said in a block, by place of the transaction.
pub(crate) type Said<'a> = BTreeMap<u64, PackedTx<'a>>;

/// Writes what was said in a block.
pub(crate) fn pack(said: &Said<'_>) -> Vec<u8> {
    let mut to = Writer { bytes: Vec::new(), said: Vec::new() };
    let mut last_place = 0;
    for (place, transaction) in said {
        to.number(place - last_place);
        last_place = *place;
        to.bytes.extend_from_slice(transaction.hash.as_slice());
        to.number(transaction.logs.len() as u64);
        let mut last = 0;
        for (index, log) in &transaction.logs {
            to.number(index - last);
            last = *index;
            to.number(log.contract.unsigned_abs());
            to.bytes.push(log.topics.len() as u8);
            for topic in log.topics.iter() {
                to.word(*topic);
            }
            to.number(log.data.len() as u64);
            let (words, rest) = log.data.as_chunks::<32>();
            for word in words {
                to.word(B256::from(word));
            }
            to.bytes.extend_from_slice(rest);
        }
    }
    to.bytes
}

/// Reads what [`pack`] wrote.
///
/// # Errors
/// [`StoreError::Corrupt`] for anything else.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Said<'static>> {
    let mut said = Said::new();
    visit(
        bytes,
        |_| true,
        |place, hash, index, log| {
            let transaction =
                said.entry(place).or_insert_with(|| PackedTx { hash, logs: Vec::new() });
            transaction.logs.push((index, log));
        },
    )?;
    Ok(said)
}

/// The same, in order, for who wants to hear what some contracts said: place and hash of the transaction, then the index
/// and the log.
///
/// # Errors
/// As [`unpack`].
pub(crate) fn visit(
    bytes: &[u8],
    is_wanted: impl Fn(i64) -> bool,
    mut hear: impl FnMut(u64, B256, u64, PackedLog<'static>),
) -> Result<()> {
    let mut from = Reader { rest: bytes, said: Vec::with_capacity(WINDOW) };
    let mut place = None;
    while !from.rest.is_empty() {
        let at = from.behind(place)?;
        place = Some(at);
        let hash = B256::try_from(from.take(32)?).map_err(|_| corrupt())?;
        let mut index = None;
        for _ in 0..from.number()? {
            let at_index = from.behind(index)?;
            index = Some(at_index);
            if let Some(log) = from.log(&is_wanted)? {
                hear(at, hash, at_index, log);
            }
        }
        if index.is_none() {
            return Err(corrupt());
        }
    }
    Ok(())
}

fn corrupt() -> StoreError {
    StoreError::Corrupt { what: "packed logs that do not unpack".to_owned() }
}

struct Writer {
    bytes: Vec<u8>,
    said: Vec<B256>,
}

impl Writer {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn word(&mut self, word: B256) {
        let zeros = word.iter().take_while(|byte| **byte == 0).count();
        let behind = word.iter().rev().take_while(|byte| **byte == 0).count();
        // Small numbers first: they are as short, and keep their place in the window for others.
        if zeros >= 31 {
            self.literal(32 - zeros, word.iter().skip(zeros));
        } else if let Some(place) = WORDS.1.get(&word) {
            self.bytes.push(*place);
        } else if let Some(back) =
            self.said.iter().rev().take(WINDOW).position(|said| *said == word)
        {
            self.bytes.push(64 + back as u8);
        } else if behind > zeros {
            self.literal(64 - behind, word.iter().take(32 - behind));
        } else {
            self.literal(32 - zeros, word.iter().skip(zeros));
        }
        self.said.push(word);
    }

    fn literal<'a>(&mut self, tag: usize, bytes: impl Iterator<Item = &'a u8>) {
        self.bytes.push(tag as u8);
        self.bytes.extend(bytes);
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    said: Vec<B256>,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(corrupt)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A number that is written as how much larger it is than the one before.
    fn behind(&mut self, last: Option<u64>) -> Result<u64> {
        let more = self.number()?;
        let number = last.unwrap_or(0).checked_add(more).ok_or_else(corrupt)?;
        (last != Some(number)).then_some(number).ok_or_else(corrupt)
    }

    /// All of a log but its index; `None` if nobody wants to hear who said it.
    fn log(&mut self, is_wanted: impl Fn(i64) -> bool) -> Result<Option<PackedLog<'static>>> {
        let contract = i64::try_from(self.number()?).map_err(|_| corrupt())?;
        let topics = self.byte()?;
        if topics > 4 {
            return Err(corrupt());
        }
        if !is_wanted(contract) {
            // Later words may refer to these.
            for _ in 0..topics {
                self.word()?;
            }
            let length = self.length()?;
            for _ in 0..length / 32 {
                self.word()?;
            }
            self.take(length % 32)?;
            return Ok(None);
        }
        let topics = (0..topics).map(|_| self.word()).collect::<Result<Vec<_>>>()?;
        let length = self.length()?;
        let mut data = Vec::with_capacity(length);
        for _ in 0..length / 32 {
            data.extend_from_slice(self.word()?.as_slice());
        }
        data.extend_from_slice(self.take(length % 32)?);
        Ok(Some(PackedLog { contract, topics: topics.into(), data: data.into() }))
    }

    /// The length of a log's data.
    fn length(&mut self) -> Result<usize> {
        let length = usize::try_from(self.number()?).map_err(|_| corrupt())?;
        // A word takes a byte at least, so that no length makes us reserve more than there can be.
        if length / 32 + length % 32 > self.rest.len() {
            return Err(corrupt());
        }
        Ok(length)
    }

    fn byte(&mut self) -> Result<u8> {
        self.take(1)?.first().copied().ok_or_else(corrupt)
    }

    fn number(&mut self) -> Result<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            number |= bits.checked_shl(shift).filter(|n| n >> shift == bits).ok_or_else(corrupt)?;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(corrupt())
    }

    fn word(&mut self) -> Result<B256> {
        let tag = self.byte()?;
        let word = match tag {
            0..=32 => B256::left_padding_from(self.take(usize::from(tag))?),
            33..=63 => B256::right_padding_from(self.take(usize::from(tag - 32))?),
            64..=127 => *self.said.iter().rev().nth(usize::from(tag - 64)).ok_or_else(corrupt)?,
            128.. => *WORDS.0.get(usize::from(tag - 128)).ok_or_else(corrupt)?,
        };
        self.said.push(word);
        Ok(word)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use alloy_primitives::hex;
    use proptest::{
        collection::{SizeRange, btree_map, vec},
        prelude::*,
        sample::Index,
    };

    fn word() -> impl Strategy<Value = B256> {
        prop_oneof![
            any::<[u8; 32]>().prop_map(B256::from),
            any::<[u8; 20]>().prop_map(|address| B256::left_padding_from(&address)),
            vec(any::<u8>(), 0..32).prop_map(|bytes| B256::right_padding_from(&bytes)),
            any::<u8>().prop_map(B256::with_last_byte),
            // Said again and again, near and far.
            (0..100_u8).prop_map(B256::repeat_byte),
            (0..NAMES.len()).prop_map(|n| keccak256(NAMES[n])),
        ]
    }

    fn log() -> impl Strategy<Value = PackedLog<'static>> {
        let data = (vec(word(), 0..90), vec(any::<u8>(), 0..32))
            .prop_map(|(words, rest)| [words.concat(), rest].concat());
        (0..i64::MAX, vec(word(), 0..5), data).prop_map(|(contract, topics, data)| PackedLog {
            contract,
            topics: topics.into(),
            data: data.into(),
        })
    }

    fn said(transactions: impl Into<SizeRange>) -> impl Strategy<Value = Said<'static>> {
        let logs = btree_map(any::<u64>(), log(), 1..5);
        let transaction = (any::<[u8; 32]>(), logs).prop_map(|(hash, logs)| PackedTx {
            hash: B256::from(hash),
            logs: logs.into_iter().collect(),
        });
        btree_map(any::<u64>(), transaction, transactions)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_packed_unpacks(said in said(0..5)) {
            let packed = pack(&said);
            let logs = said.iter().flat_map(|(place, it)| {
                it.logs.iter().map(|(index, log)| (*place, it.hash, *index, log.clone()))
            });
            for of in logs.clone().map(|it| it.3.contract).chain([-1]) {
                let mut heard = Vec::new();
                visit(&packed, |who| who == of, |p, h, i, log| heard.push((p, h, i, log))).unwrap();
                let theirs: Vec<_> = logs.clone().filter(|it| it.3.contract == of).collect();
                prop_assert_eq!(heard, theirs);
            }
            prop_assert_eq!(unpack(&packed).unwrap(), said);
        }

        #[test]
        fn nothing_that_is_read_panics(bytes in vec(any::<u8>(), 0..200)) {
            let _ = unpack(&bytes);
        }

        #[test]
        fn a_cut_is_noticed_or_loses_whole_transactions(said in said(1..4), cut in any::<Index>()) {
            let packed = pack(&said);
            let cut = cut.index(packed.len());
            if let Ok(read) = unpack(&packed[..cut]) {
                prop_assert!(read.len() < said.len());
                prop_assert!(read.iter().all(|(place, transaction)| said.get(place) == Some(transaction)));
            }
        }
    }

    #[test]
    fn a_length_reserves_no_more_than_there_is() {
        // One log without topics that says it carries 2^62 bytes.
        let claims = [&[0][..], &[7; 32], &[1, 1, 1, 0], &[0x80; 8], &[0x40]].concat();
        assert!(unpack(&claims).is_err());
    }

    /// The format is in every database: these bytes must read the same for ever.
    #[test]
    fn the_format_is_what_it_was() {
        let topics = [
            keccak256("PolicyChanged(address,bytes32,bytes32,bool)"),
            B256::left_padding_from(&[0xaa; 20]),
            keccak256("compose-hash"),
            B256::repeat_byte(7),
        ];
        let flag = B256::with_last_byte(1);
        let hash = B256::repeat_byte(7);
        let log = |contract, topics: &[B256], data: &[u8]| PackedLog {
            contract,
            topics: topics.to_vec().into(),
            data: data.to_vec().into(),
        };
        let changes = Vec::from([
            (300, log(5, &topics, flag.as_slice())),
            (302, log(5, &[keccak256("ComposeHashAdded(bytes32)")], hash.as_slice())),
        ]);
        let other = Vec::from([(303, log(200, &[], b"abc"))]);
        let packed = pack(&BTreeMap::from([
            (2, PackedTx { hash: B256::repeat_byte(0xb2), logs: changes }),
            (131, PackedTx { hash: B256::repeat_byte(0xb3), logs: other }),
        ]));
        let expected = concat!(
            "02",
            "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2",
            "02",
            "ac0205",
            "04",
            "87",
            "14",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "9a",
            "20",
            "0707070707070707070707070707070707070707070707070707070707070707",
            "20",
            "0101",
            "0205",
            "01",
            "80",
            "20",
            "42",
            "8101",
            "b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3b3",
            "01",
            "af02c801",
            "00",
            "03",
            "616263",
        );
        assert_eq!(hex::encode(packed), expected);
        assert_eq!(
            keccak256(NAMES.join("\n")),
            alloy_primitives::b256!(
                "5d6f9bf2903f6b5383303bee03b582ca55d7e035c19ba5c2d6cd4eaeea4a563b"
            )
        );
    }
}
