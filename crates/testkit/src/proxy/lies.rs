//! Answers that look like answers.

use super::{Fault, FaultyProxy, Mood, method, number};
use alloy::primitives::Address;
use eyre::Result;
use serde_json::{Value, json};

/// A block that no chain has yet.
const BEYOND: &str = "0xffffffffff";

impl FaultyProxy {
    /// The answer of a backend that has seen no block after `seen`: tags point at what it has seen, later
    /// blocks are not there, their state is an error, and their logs it silently leaves out.
    pub(super) async fn lagging(&self, mut asked: Value, seen: u64) -> Result<Value> {
        let text = format!("{seen:#x}");
        match method(&asked) {
            "eth_getBlockByNumber" => {
                let lag = self.number_of("latest").await?.saturating_sub(seen);
                if let Some(block) = asked.pointer_mut("/params/0") {
                    match block.as_str() {
                        Some("latest") => *block = json!(text),
                        Some(tag @ ("safe" | "finalized")) => {
                            let tagged = self.number_of(tag).await?.saturating_sub(lag);
                            *block = json!(format!("{tagged:#x}"));
                        }
                        _ if number(block).is_some_and(|number| number > seen) => {
                            *block = json!(BEYOND);
                        }
                        _ => {}
                    }
                }
            }
            "eth_getLogs" => {
                let end = |name: &str| asked.pointer(&format!("/params/0/{name}")).and_then(number);
                if end("fromBlock").is_some_and(|from| from > seen) {
                    return Ok(json!({"jsonrpc": "2.0", "id": asked.get("id"), "result": []}));
                }
                if let Some(to) = asked.pointer_mut("/params/0/toBlock")
                    && number(to).is_some_and(|to| to > seen)
                {
                    *to = json!(text);
                }
            }
            _ => {
                if state_of(&asked).is_some_and(|at| at > seen) {
                    let error = json!({"code": -32000, "message": "header not found"});
                    return Ok(json!({"jsonrpc": "2.0", "id": asked.get("id"), "error": error}));
                }
            }
        }
        self.ask(&asked).await
    }
}

/// After which block a question is about state.
pub(super) fn state_of(asked: &Value) -> Option<u64> {
    let at = match method(asked) {
        "eth_getCode" | "eth_call" => asked.pointer("/params/1"),
        "eth_getStorageAt" => asked.pointer("/params/2"),
        _ => None,
    };
    at.and_then(number)
}

/// Whether a question for logs is about this one as well.
pub(super) fn is_asked_for(log: &Value, asked: &Value) -> bool {
    let end = |name: &str| asked.pointer(&format!("/params/0/{name}")).and_then(number);
    let of = asked.pointer("/params/0/address");
    let contracts = of.and_then(Value::as_array).cloned().or_else(|| Some(vec![of?.clone()]));
    let contracts: Vec<Address> =
        (contracts.iter().flatten()).filter_map(|one| one.as_str()?.parse().ok()).collect();
    address(log).is_some_and(|emitter| contracts.contains(&emitter))
        && block(log).is_some_and(|at| end("fromBlock") <= Some(at) && Some(at) <= end("toBlock"))
}

fn address(log: &Value) -> Option<Address> {
    log.get("address").and_then(Value::as_str)?.parse().ok()
}

fn block(log: &Value) -> Option<u64> {
    log.get("blockNumber").and_then(number)
}

impl Mood {
    /// What it refuses for what it is, and in which words.
    pub(super) fn refusal(&self, asked: &Value) -> Option<(i64, &'static str)> {
        if state_of(asked).is_some_and(|at| at < self.pruned) {
            return Some((-32000, "missing trie node"));
        }
        let end = |name: &str| asked.pointer(&format!("/params/0/{name}")).and_then(number);
        if method(asked) == "eth_getLogs"
            && let (Some(from), Some(to)) = (end("fromBlock"), end("toBlock"))
            && to.saturating_sub(from) >= self.widest
        {
            return Some((-32602, "block range is too wide"));
        }
        let is_creation =
            method(asked) == "eth_call" && asked.pointer("/params/0/to").is_none_or(Value::is_null);
        (self.wants_recipients && is_creation).then_some((-32602, "missing field `to`"))
    }

    /// Changes logs as it was told to, and as the fault says.
    pub(super) fn falsify(&mut self, logs: &mut Vec<Value>, fault: Option<Fault>) {
        let all = logs.len();
        if let Some((app, transaction)) = self.hidden {
            let of = json!(transaction);
            logs.retain(|log| address(log) != Some(app) || log.get("transactionHash") != Some(&of));
        }
        if fault == Some(Fault::Omitted) {
            self.omit(logs);
        }
        self.left_out += all - logs.len();
        let Some(chosen) = self.rng.choice(0..logs.len()) else { return };
        let Some(log) = logs.get(chosen).cloned() else { return };
        match fault {
            Some(Fault::Doubled) => {
                // Here and there, not necessarily beside the first.
                let count = self.rng.usize(1..=logs.len());
                for _ in 0..count {
                    let (from, to) =
                        (self.rng.usize(0..logs.len()), self.rng.usize(0..=logs.len()));
                    if let Some(log) = logs.get(from).cloned() {
                        logs.insert(to, log);
                    }
                }
            }
            Some(Fault::Removed) => {
                if let Some(Value::Object(log)) = logs.get_mut(chosen) {
                    log.insert("removed".into(), json!(true));
                }
            }
            Some(Fault::Foreign) => {
                let mut foreign = log;
                if let (true, Value::Object(foreign)) = (self.rng.bool(), &mut foreign) {
                    foreign.insert("logIndex".into(), json!("0xff"));
                }
                if let Some(Value::String(data)) = foreign.get_mut("data") {
                    *data = format!("0x{}", "5a".repeat(data.len() / 2 - 1));
                }
                logs.push(foreign);
            }
            Some(Fault::NoTimes) => {
                for log in logs.iter_mut().filter_map(Value::as_object_mut) {
                    log.remove("blockTimestamp");
                }
            }
            _ => {}
        }
    }

    fn omit(&mut self, logs: &mut Vec<Value>) {
        let (omits, settled) = (self.omits.clone(), self.settled);
        let may = |log: &Value| {
            block(log) > Some(settled) || address(log).is_some_and(|a| omits.contains(&a))
        };
        let candidates: Vec<&Value> = logs.iter().filter(|log| may(log)).collect();
        let Some(chosen) = self.rng.choice(candidates).cloned() else { return };
        if self.rng.bool() {
            let same = |log: &Value, key: &str| log.get(key) == chosen.get(key);
            logs.retain(|log| !(same(log, "transactionHash") && same(log, "address")));
        } else {
            let from = block(&chosen);
            logs.retain(|log| block(log) < from || !may(log));
        }
    }
}
