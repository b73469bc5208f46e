//! Challenges: a quote that was made for one is no older than a block.
//!
//! A quote has no time. Whoever asks for one chooses its `report_data`, though, and if that commits to the hash of a
//! block, which nobody knew before there was that block, then the quote was made later.
//!
//! The format, version 1. The nonce is the Keccak-256 of these 101 bytes: the text `devproof-challenge-v1` (21 bytes
//! of ASCII), the chain id and the number of the block (8 bytes each, big-endian), the hash of the block (32), and 32 bytes
//! from a random number generator, so that nobody else's quote for the same block fits. `report_data` is the nonce and 32
//! zero bytes, which is what dstack's guest agent makes of a `report_data` of 32 bytes.

use crate::random;
use alloy_primitives::{B256, B512, Bytes, keccak256};
use devproof_attestation::ReportData;
use devproof_chain::{ChainError, Node};
use devproof_primitives::BlockRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is hashed first, and how the format is called in the file.
const DOMAIN: &str = "devproof-challenge-v1";
/// The longest file that is read, in bytes. One has less than 500.
pub const MAX_CHALLENGE: usize = 4096;

/// What a quote is to be made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Number of the block.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// What makes it different from every other challenge.
    pub random: B256,
}

/// Why a text is no challenge.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// It is too long, or not such JSON.
    #[error("it is no challenge as `devproof challenge` writes it: {0}")]
    Malformed(String),
    /// It says that it commits to something, and does not.
    #[error("its reportData is not that of the block and the random bytes in it")]
    Altered,
    /// There are no random bytes.
    #[error("{0}")]
    Random(String),
}

/// The file.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ChallengeDocument {
    /// `devproof-challenge-v1`.
    format: String,
    /// EIP-155 chain id.
    chain_id: u64,
    /// The block that it commits to.
    block: Block,
    /// What makes it different from every other challenge.
    random: B256,
    /// What a quote for it is to have: 64 bytes in hexadecimal.
    #[schemars(with = "String")]
    report_data: B512,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Block {
    number: u64,
    hash: B256,
}

/// What became of a challenge's block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is on the chain.
    Canonical(BlockRef),
    /// Another block is in its place, or none.
    Reorganised,
}

impl Challenge {
    /// A new one, for a block of a chain.
    ///
    /// # Errors
    /// [`ChallengeError::Random`].
    pub fn new(chain_id: u64, block: BlockRef) -> Result<Self, ChallengeError> {
        let random = random().map_err(ChallengeError::Random)?.into();
        Ok(Self { chain_id, number: block.number, hash: block.hash, random })
    }

    /// Reads the file of one.
    ///
    /// # Errors
    /// [`ChallengeError`].
    pub fn parse(json: &str) -> Result<Self, ChallengeError> {
        let malformed = |why: String| ChallengeError::Malformed(why);
        if json.len() > MAX_CHALLENGE {
            return Err(malformed(format!("it has more than {MAX_CHALLENGE} bytes")));
        }
        let read: ChallengeDocument =
            serde_json::from_str(json).map_err(|e| malformed(e.to_string()))?;
        if read.format != DOMAIN {
            return Err(malformed(format!("the format is not {DOMAIN}")));
        }
        let ChallengeDocument { chain_id, block, random, report_data, .. } = read;
        let challenge = Self { chain_id, number: block.number, hash: block.hash, random };
        if challenge.report_data() == report_data {
            Ok(challenge)
        } else {
            Err(ChallengeError::Altered)
        }
    }

    /// The file.
    #[must_use]
    pub fn document(&self) -> ChallengeDocument {
        ChallengeDocument {
            format: DOMAIN.to_owned(),
            chain_id: self.chain_id,
            block: Block { number: self.number, hash: self.hash },
            random: self.random,
            report_data: self.report_data(),
        }
    }

    /// What 32 bytes a machine is to be asked for.
    #[must_use]
    pub fn nonce(&self) -> B256 {
        let mut all = DOMAIN.as_bytes().to_vec();
        all.extend(self.chain_id.to_be_bytes());
        all.extend(self.number.to_be_bytes());
        all.extend(self.hash);
        all.extend(self.random);
        keccak256(all)
    }

    /// The 64 bytes that the quote then has.
    #[must_use]
    pub fn report_data(&self) -> B512 {
        B512::right_padding_from(self.nonce().as_slice())
    }

    /// The same as what is declared to whoever verifies.
    #[must_use]
    pub fn declared(&self) -> ReportData {
        ReportData::Raw(Bytes::copy_from_slice(self.report_data().as_slice()))
    }

    /// Whether its block is on the node's chain, which is this challenge's.
    ///
    /// # Errors
    /// What the node says.
    pub async fn standing(&self, node: &Node) -> Result<Standing, ChainError> {
        let there = node.block(self.number).await?;
        Ok(match there {
            Some(block) if block.hash == self.hash => Standing::Canonical(block),
            _ => Standing::Reorganised,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::hex;

    fn challenge() -> Challenge {
        let (hash, random) = (B256::repeat_byte(0xaa), B256::repeat_byte(0xbb));
        Challenge { chain_id: 8453, number: 258, hash, random }
    }

    /// The format, byte by byte, as anybody can compute it with `cast keccak`.
    #[test]
    fn the_format() {
        let text = format!(
            "{}{}{}{}{}",
            hex::encode("devproof-challenge-v1"),
            "0000000000002105",
            "0000000000000102",
            "aa".repeat(32),
            "bb".repeat(32)
        );
        assert_eq!(text.len(), 2 * 101);
        let nonce = keccak256(hex::decode(text).unwrap());
        assert_eq!(challenge().nonce(), nonce);
        assert_eq!(challenge().report_data()[..32], nonce[..]);
        assert_eq!(challenge().report_data()[32..], [0; 32]);
        assert_eq!(challenge().declared().bytes().unwrap(), challenge().report_data());
    }

    #[test]
    fn what_was_written_reads_back_and_nothing_else_does() {
        let text = serde_json::to_string(&challenge().document()).unwrap();
        assert_eq!(Challenge::parse(&text), Ok(challenge()));
        let other = challenge();
        for altered in [
            text.replace("258", "259"),
            text.replace("8453", "1"),
            text.replace(&"aa".repeat(32), &"ac".repeat(32)),
            text.replace(&"bb".repeat(32), &"bc".repeat(32)),
        ] {
            assert_ne!(altered, text);
            assert_eq!(Challenge::parse(&altered), Err(ChallengeError::Altered));
        }
        for bad in
            ["", "{}", "[", &text.replace("-v1", "-v2"), &format!("{text}{}", " ".repeat(5000))]
        {
            assert!(matches!(Challenge::parse(bad), Err(ChallengeError::Malformed(_))), "{bad}");
        }
        let block = BlockRef { number: 258, hash: other.hash, timestamp: 0 };
        assert_ne!(Challenge::new(8453, block).unwrap(), Challenge::new(8453, block).unwrap());
    }
}
