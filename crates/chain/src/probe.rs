//! Many questions about the state after a block, in one.
//!
//! A contract that was just found is asked a dozen things. [`Look`] asks those that are usually asked ahead, in one
//! `eth_call` that runs `contracts/read/StateProbe.sol`, and remembers the answers; whatever it does not know is asked by
//! itself, as if it had not been there. So a node that does not take such a call costs time and nothing else.

use crate::{ChainError, Node, Refusal};
use alloy::{
    primitives::{Address, B256, Bytes, KECCAK256_EMPTY, TxKind, U256, keccak256},
    providers::Provider as _,
    rpc::types::TransactionRequest,
    sol_types::{SolCall, SolConstructor, SolValue},
};
use devproof_contracts::{
    bindings::probe::StateProbe,
    stock::{DstackApp, LegacyAppAuth, TimelockAppAuth},
};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

/// Gas for a question to a contract that anybody may have put there. The views of stock contracts take a
/// tenth of it, and no answer of a megabyte fits in.
pub(crate) const GAS: u64 = 500_000;

/// Gas for a question in a probe, with what is lost around it.
const GAS_AROUND: u64 = GAS + GAS / 8;

/// Gas for the probe itself: what its input costs, and 200 a byte of what it returns (EIP-3860, EIP-7623).
const GAS_OF_ITS_OWN: u64 = 2_000_000;

/// The most bytes of an answer: what `StateProbe` takes of one. More is not from there.
const MOST: usize = 64;

/// So often in a row a node may fail to answer a probe before it is not asked for one any more.
const STRIKES: u32 = 8;

/// What `StateProbe` returns: hashes of codes, and whether there was an answer, with its first two words.
type Answers = (Vec<B256>, Vec<(bool, Bytes)>);

/// Whether each of these questions was answered with itself.
pub(crate) fn is_answered((_, answers): &Answers, questions: &[Vec<u8>]) -> bool {
    let same = |((given, data), asked): (&(bool, Bytes), &Vec<u8>)| *given && data == asked;
    answers.len() == questions.len() && answers.iter().zip(questions).all(same)
}

/// How often in a row the probes of a node failed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strikes(Arc<AtomicU32>);

impl Strikes {
    fn are_too_many(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= STRIKES
    }

    fn count(&self, is_answered: bool) {
        if is_answered {
            self.0.store(0, Ordering::Relaxed);
        } else {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What is usually asked of a contract that was found: how it is identified, and its first settings. What stands behind a
/// proxy is one of the generations that are deployed so, and the tutorial's contract is not.
fn usual(is_proxy: bool) -> Vec<Vec<u8>> {
    let of_both =
        [DstackApp::allowAnyDeviceCall {}.abi_encode(), DstackApp::ownerCall {}.abi_encode()];
    let is_allowed = DstackApp::isAppAllowedCall::SELECTOR.into();
    let rest = if is_proxy {
        vec![
            LegacyAppAuth::appIdCall {}.abi_encode(),
            DstackApp::supportsInterfaceCall { interfaceId: is_allowed }.abi_encode(),
            DstackApp::requireTcbUpToDateCall {}.abi_encode(),
        ]
    } else {
        vec![
            TimelockAppAuth::proposedAtCall { hash: B256::ZERO }.abi_encode(),
            TimelockAppAuth::noticePeriodCall {}.abi_encode(),
            DstackApp::allowedComposeHashesCall { composeHash: B256::ZERO }.abi_encode(),
        ]
    };
    of_both.into_iter().chain(rest).collect()
}

/// What is known of a contract after a block.
#[derive(Clone, Debug)]
pub struct Look {
    address: Address,
    block: u64,
    /// Hashes of code by address; zero: there is none.
    codes: Vec<(Address, B256)>,
    /// What was asked, and the first bytes of the answer; `None`: it reverted.
    answers: Vec<(Vec<u8>, Option<Bytes>)>,
}

impl Look {
    /// Knows nothing yet, and asks what it is asked.
    #[must_use]
    pub const fn blind(address: Address, block: u64) -> Self {
        Self { address, block, codes: Vec::new(), answers: Vec::new() }
    }

    /// The hash of the code of an address after the block, Keccak-256; `None` where there is none.
    ///
    /// # Errors
    /// What the node says.
    pub async fn code_hash(
        &self,
        node: &Node,
        address: Address,
    ) -> Result<Option<B256>, ChainError> {
        if let Some((_, hash)) = self.codes.iter().find(|(of, _)| *of == address) {
            return Ok(Some(*hash).filter(|hash| !hash.is_zero()));
        }
        let code = node.code(address, self.block).await?;
        Ok((!code.is_empty()).then(|| keccak256(&code)))
    }

    /// As [`Node::asked`], of the contract that this looks at.
    ///
    /// # Errors
    /// What the node says.
    pub async fn asked<C: SolCall>(
        &self,
        node: &Node,
        question: &C,
    ) -> Result<Option<C::Return>, ChainError> {
        let input = question.abi_encode();
        match self.answers.iter().find(|(asked, _)| *asked == input) {
            Some((_, None)) => Ok(None),
            Some((_, Some(answer))) if let Ok(answer) = C::abi_decode_returns(answer) => {
                Ok(Some(answer))
            }
            // What cannot be read, somebody on the way may have cut.
            _ => node.asked(self.address, question, self.block).await,
        }
    }
}

impl Node {
    /// Looks at a contract after a block: at the hash of its code and of that behind it, and at what it answers to what is
    /// usually asked. Of a node that takes no such call, nothing is known yet.
    ///
    /// # Errors
    /// What the node says, where that has nothing to do with how it was asked.
    pub(crate) async fn look(
        &self,
        address: Address,
        behind: Option<Address>,
        block: u64,
    ) -> Result<Look, ChainError> {
        let mut look = Look::blind(address, block);
        if self.strikes.are_too_many() {
            return Ok(look);
        }
        let accounts: Vec<Address> = [Some(address), behind].into_iter().flatten().collect();
        let questions = usual(behind.is_some());
        let probed = self.probe(&accounts, address, &questions, block).await?;
        self.strikes.count(probed.is_some());
        if let Some((codes, answers)) = probed {
            // An account that exists has the hash of nothing where it has no code.
            let codes =
                codes.into_iter().map(|h| if h == KECCAK256_EMPTY { B256::ZERO } else { h });
            look.codes = accounts.into_iter().zip(codes).collect();
            let answers = answers.into_iter().map(|(given, data)| given.then_some(data));
            look.answers = questions.into_iter().zip(answers).collect();
        }
        Ok(look)
    }

    /// The hashes of some codes and the answers of a contract; `None` where the node did not give them.
    pub(crate) async fn probe(
        &self,
        accounts: &[Address],
        to: Address,
        questions: &[Vec<u8>],
        block: u64,
    ) -> Result<Option<Answers>, ChainError> {
        let question = |data: &Vec<u8>| StateProbe::Question { to, data: data.clone().into() };
        let arguments = StateProbe::constructorCall {
            accounts: accounts.to_vec(),
            questions: questions.iter().map(question).collect(),
            gasEach: U256::from(GAS),
        };
        let mut input = StateProbe::BYTECODE.to_vec();
        input.extend(arguments.abi_encode());
        let count = u64::try_from(questions.len()).unwrap_or(u64::MAX);
        let request = TransactionRequest {
            to: Some(TxKind::Create),
            input: Bytes::from(input).into(),
            gas: Some(GAS_AROUND.saturating_mul(count).saturating_add(GAS_OF_ITS_OWN)),
            ..Default::default()
        };
        let asked = self.ask(|endpoint| {
            let request = request.clone();
            async move {
                let answer = endpoint.provider.call(request).block(block.into()).await;
                answer.map_err(|e| ChainError::from_rpc(&endpoint.url, "eth_call", e))
            }
        });
        let answer = match asked.await {
            Ok(answer) => answer,
            Err(ChainError::Refused { why: Refusal::Reverted | Refusal::Other, .. }) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let decoded = Answers::abi_decode_params(&answer).ok();
        Ok(decoded.filter(|(codes, answers)| {
            codes.len() == accounts.len()
                && answers.len() == questions.len()
                && answers.iter().all(|(_, data)| data.len() <= MOST)
        }))
    }
}
