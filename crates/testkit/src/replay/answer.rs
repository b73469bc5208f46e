//! What a node says of a ledger.

use super::{
    ledger::{Block, Ledger, Transaction},
    state::{Call, Moment},
};
use alloy::{
    primitives::{Address, B256, Bloom, BloomInput, Bytes, TxKind, U64, U256},
    rpc::types::Header,
};
use revm::context::result::ExecutionResult;
use serde_json::{Value, json};
use std::{collections::HashSet, fmt::Write as _, ops::RangeInclusive};

/// Gas of a call that names none, as much as geth gives.
const CALL_GAS: u64 = 50_000_000;

/// As much of a ledger as there is at the moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) ledger: &'a Ledger,
    /// The newest block that is shown.
    pub(super) head: u64,
    /// How many blocks `safe` is behind it; `finalized` twice as many.
    pub(super) epoch: u64,
}

/// A refusal: code, words, and the data that a contract reverted with.
pub(super) type Refused = (i64, String, Option<Bytes>);

fn invalid(what: &str) -> Refused {
    (-32602, format!("invalid params: {what}"), None)
}

fn hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push_str("0x");
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(DIGITS.get(usize::from(digit)).map_or('?', |digit| char::from(*digit)));
        }
    }
}

fn quoted(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2 + 4);
    out.push('"');
    hex(&mut out, bytes);
    out.push('"');
    out
}

impl View<'_> {
    /// The answer to a question, as JSON.
    pub(super) fn answer(&self, method: &str, params: &Value) -> Result<String, Refused> {
        let param = |place: usize| params.get(place).unwrap_or(&Value::Null);
        match method {
            "eth_chainId" => Ok(format!("\"{:#x}\"", self.ledger.chain_id)),
            "eth_blockNumber" => Ok(format!("\"{:#x}\"", self.head)),
            "eth_getBlockByNumber" => {
                let full = param(1) == &Value::Bool(true);
                Ok(self.block(self.number(param(0))?, full))
            }
            "eth_getBlockByHash" => {
                let full = param(1) == &Value::Bool(true);
                Ok(self.block(self.with_hash(param(0))?, full))
            }
            "eth_getLogs" => self.logs(param(0)),
            "eth_getBlockReceipts" => Ok(self.receipts(self.number(param(0))?)),
            "eth_getCode" => {
                let (account, after) = (address(param(0))?, self.state(param(1))?);
                Ok(quoted(&self.ledger.states.code(account, after)))
            }
            "eth_getStorageAt" => {
                let (account, after) = (address(param(0))?, self.state(param(2))?);
                let slot: U256 = parsed(param(1), "slot")?;
                let word = self.ledger.states.slot(account, slot, after);
                Ok(quoted(&word.to_be_bytes::<32>()))
            }
            "eth_call" => self.call(param(0), self.state(param(1))?),
            _ => Err((-32601, format!("the method {method} does not exist"), None)),
        }
    }

    /// Which block a number or tag means, whether it is there or not.
    fn number(&self, which: &Value) -> Result<u64, Refused> {
        let behind = |blocks: u64| Ok(self.head.saturating_sub(blocks));
        match which.as_str() {
            Some("latest" | "pending") | None => Ok(self.head),
            Some("safe") => behind(self.epoch),
            Some("finalized") => behind(self.epoch.saturating_mul(2)),
            Some("earliest") => Ok(0),
            Some(_) => Ok(parsed::<U64>(which, "block number")?.to()),
        }
    }

    fn with_hash(&self, hash: &Value) -> Result<u64, Refused> {
        let hash: B256 = parsed(hash, "hash")?;
        let block = self.ledger.blocks.iter().find(|block| block.hash == hash);
        Ok(block.map_or(u64::MAX, |block| block.header.number))
    }

    /// The block after which state is asked for, which must be there.
    fn state(&self, which: &Value) -> Result<u64, Refused> {
        let number = match which.get("blockHash") {
            Some(hash) => self.with_hash(hash)?,
            None => self.number(which.get("blockNumber").unwrap_or(which))?,
        };
        let missing = || (-32000, "header not found".to_owned(), None);
        if number <= self.head { Ok(number) } else { Err(missing()) }
    }

    fn get(&self, number: u64) -> Option<&Block> {
        let place = usize::try_from(number).ok().filter(|_| number <= self.head)?;
        self.ledger.blocks.get(place)
    }

    fn block(&self, number: u64, full: bool) -> String {
        let Some(block) = self.get(number) else { return "null".to_owned() };
        let header = Header {
            hash: block.hash,
            inner: block.header.clone(),
            total_difficulty: None,
            size: None,
        };
        let mut answer = json!(header);
        let place = |(index, t): (usize, &Transaction)| {
            json!({
                "hash": t.hash, "blockHash": block.hash, "blockNumber": U64::from(number),
                "transactionIndex": U64::from(index), "from": t.from, "to": t.to,
                "nonce": U64::from(t.nonce), "value": "0x0", "gasPrice": "0x0", "type": U64::from(t.kind),
                "input": Bytes::copy_from_slice(self.ledger.input(t)),
            })
        };
        let transactions = self.ledger.transactions_of(block).iter();
        let transactions: Vec<Value> = match full {
            true => transactions.enumerate().map(place).collect(),
            false => transactions.map(|t| json!(t.hash)).collect(),
        };
        if let Some(answer) = answer.as_object_mut() {
            answer.insert("uncles".into(), json!([]));
            answer.insert("transactions".into(), transactions.into());
        }
        answer.to_string()
    }

    /// Adds the logs of a block that are wanted, as JSON, each with a comma behind it.
    fn write_logs(&self, out: &mut String, block: &Block, is_wanted: impl Fn(usize) -> bool) {
        let first = self.ledger.logs_of(block).start;
        for (index, transaction) in self.ledger.transactions_of(block).iter().enumerate() {
            for log in transaction.logs.clone().filter(|log| is_wanted(*log)) {
                let Some((address, topics, data)) = self.ledger.log(log) else { continue };
                out.push_str("{\"address\":\"");
                hex(out, address.as_slice());
                out.push_str("\",\"topics\":[");
                for (place, topic) in topics.enumerate() {
                    out.push_str(if place == 0 { "\"" } else { ",\"" });
                    hex(out, topic.as_slice());
                    out.push('"');
                }
                out.push_str("],\"data\":\"");
                hex(out, data);
                out.push_str("\",\"blockHash\":\"");
                hex(out, block.hash.as_slice());
                out.push_str("\",\"transactionHash\":\"");
                hex(out, transaction.hash.as_slice());
                let (number, time) = (block.header.number, block.header.timestamp);
                // Writing to a string cannot fail.
                let _ = write!(
                    out,
                    "\",\"blockNumber\":\"{number:#x}\",\"blockTimestamp\":\"{time:#x}\",\
                     \"transactionIndex\":\"{index:#x}\",\"logIndex\":\"{:#x}\",\"removed\":false}},",
                    log - first
                );
            }
        }
    }

    fn logs(&self, filter: &Value) -> Result<String, Refused> {
        let range = self.range(filter)?;
        let addresses = match filter.get("address") {
            None | Some(Value::Null) => None,
            Some(Value::Array(list)) if list.is_empty() => None,
            Some(Value::Array(list)) => {
                Some(list.iter().map(address).collect::<Result<HashSet<_>, _>>()?)
            }
            Some(one) => Some(HashSet::from([address(one)?])),
        };
        let topics = wanted_topics(filter.get("topics"))?;
        // Words that no log has cannot be among those of one.
        let known = |words: &HashSet<B256>| -> HashSet<u32> {
            words.iter().filter_map(|word| self.ledger.number(word)).collect()
        };
        let emitters =
            addresses.map(|them| known(&them.iter().map(|address| address.into_word()).collect()));
        let topics: Vec<Option<HashSet<u32>>> =
            topics.iter().map(|place| place.as_ref().map(known)).collect();
        let is_wanted = |log: usize| {
            let Some((emitter, words)) = self.ledger.words_of(log) else { return false };
            emitters.as_ref().is_none_or(|them| them.contains(&emitter))
                && topics.iter().enumerate().all(|(place, wanted)| match wanted {
                    Some(wanted) => words.get(place).is_some_and(|word| wanted.contains(word)),
                    None => true,
                })
        };
        let mut out = String::from("[");
        for number in range {
            let Some(block) = self.get(number) else { break };
            self.write_logs(&mut out, block, is_wanted);
        }
        close(&mut out);
        Ok(out)
    }

    fn range(&self, filter: &Value) -> Result<RangeInclusive<u64>, Refused> {
        if let Some(hash) = filter.get("blockHash") {
            let number = self.with_hash(hash)?;
            let unknown = || (-32000, "unknown block".to_owned(), None);
            return if number <= self.head { Ok(number..=number) } else { Err(unknown()) };
        }
        let end = |name: &str| self.number(filter.get(name).unwrap_or(&Value::Null));
        let (from, to) = (end("fromBlock")?, end("toBlock")?);
        if from > to { Err(invalid("the range ends before it begins")) } else { Ok(from..=to) }
    }

    fn receipts(&self, number: u64) -> String {
        let Some(block) = self.get(number) else { return "null".to_owned() };
        let mut out = String::from("[");
        let (mut gas, mut index) = (0, 0);
        for transaction in self.ledger.transactions_of(block) {
            gas += transaction.gas_used;
            let mut bloom = Bloom::ZERO;
            for (address, topics, _) in transaction.logs.clone().filter_map(|l| self.ledger.log(l))
            {
                bloom.accrue(BloomInput::Raw(address.as_slice()));
                topics.for_each(|topic| bloom.accrue(BloomInput::Raw(topic.as_slice())));
            }
            let receipt = json!({
                "type": U64::from(transaction.kind), "status": U64::from(transaction.succeeded),
                "cumulativeGasUsed": U64::from(gas), "gasUsed": U64::from(transaction.gas_used),
                "logsBloom": bloom, "transactionHash": transaction.hash,
                "transactionIndex": U64::from(index), "blockHash": block.hash,
                "blockNumber": U64::from(number), "from": transaction.from, "to": transaction.to,
                "contractAddress": Ledger::created(transaction), "effectiveGasPrice": "0x0",
            });
            let mut receipt = receipt.to_string();
            receipt.pop();
            receipt.push_str(",\"logs\":[");
            let of_it = transaction.logs.clone();
            self.write_logs(&mut receipt, block, |log| of_it.contains(&log));
            close(&mut receipt);
            receipt.push_str("},");
            out.push_str(&receipt);
            index += 1;
        }
        close(&mut out);
        out
    }

    fn call(&self, request: &Value, after: u64) -> Result<String, Refused> {
        let field = |name: &str| request.get(name).filter(|value| !value.is_null());
        let from = field("from").map(address).transpose()?.unwrap_or_default();
        let to = field("to").map(address).transpose()?.map_or(TxKind::Create, TxKind::Call);
        let input = field("input").or_else(|| field("data"));
        let input: Bytes = input.map(|it| parsed(it, "input")).transpose()?.unwrap_or_default();
        let gas = field("gas").map(|it| parsed::<U64>(it, "gas")).transpose()?;
        let gas = gas.map_or(CALL_GAS, |gas| gas.to::<u64>().min(CALL_GAS));
        let timestamp = self.get(after).map(|block| block.header.timestamp).unwrap_or_default();
        let moment = Moment { chain_id: self.ledger.chain_id, number: after, timestamp };
        let call = Call { from, to, input, gas };
        match self.ledger.states.execute(call, after, moment) {
            Ok((ExecutionResult::Success { output, .. }, _)) => Ok(quoted(output.data())),
            Ok((ExecutionResult::Revert { output, .. }, _)) => {
                Err((3, "execution reverted".to_owned(), Some(output)))
            }
            Ok((ExecutionResult::Halt { reason, .. }, _)) => {
                Err((-32000, format!("EVM error {reason:?}"), None))
            }
            Err(error) => Err((-32000, error.to_string(), None)),
        }
    }
}

/// Ends a list whose entries each have a comma behind them.
fn close(list: &mut String) {
    if list.ends_with(',') {
        list.pop();
    }
    list.push(']');
}

fn parsed<T: serde::de::DeserializeOwned>(value: &Value, what: &str) -> Result<T, Refused> {
    serde_json::from_value(value.clone()).map_err(|_| invalid(what))
}

fn address(value: &Value) -> Result<Address, Refused> {
    parsed(value, "address")
}

/// For each place of a topic the words of which one has to stand there; `None`: whatever it is.
fn wanted_topics(topics: Option<&Value>) -> Result<Vec<Option<HashSet<B256>>>, Refused> {
    let Some(topics) = topics.and_then(Value::as_array) else { return Ok(Vec::new()) };
    let of = |place: &Value| match place {
        Value::Null => Ok(None),
        Value::Array(any) if any.is_empty() => Ok(None),
        Value::Array(any) => {
            any.iter().map(|topic| parsed(topic, "topic")).collect::<Result<_, _>>().map(Some)
        }
        one => Ok(Some(HashSet::from([parsed(one, "topic")?]))),
    };
    topics.iter().map(of).collect()
}
