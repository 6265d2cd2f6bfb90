"""The words of explanations, in both languages of the console; used by `rules.explain` alone."""

from typing import Literal

Language = Literal["zh", "en"]

SENTENCES: dict[str, tuple[str, str]] = {
    "rule": ("规则 {rule}（{title}），版本 {version}。", "Rule {rule} ({title}), version {version}."),
    "rule.other": (
        "现行版本为 {now}；以下依据当时留下的证据。",
        "The version in force now is {now}; what follows is from the evidence kept then.",
    ),
    "rule.gone": (
        "规则 {rule}，版本 {version}，已不在规则库中；以下依据当时留下的证据。",
        "Rule {rule}, version {version}, is no longer in the rulebook; what follows is from the evidence kept then.",
    ),
    "rule.unknown": ("规则 {rule}（{title}）。", "Rule {rule} ({title})."),
    "shadow": ("试运行：只记录，不通知任何人。", "A rehearsal: recorded, and nobody was told."),
    "severity": ("{time} 判定为{severity}。", "Judged {severity} at {time}."),
    "severity.over": ("{time} 恢复正常。", "Back to normal at {time}."),
    "value": (
        "{signal} 为 {value}，限值 {threshold}{formula}：超出 {beyond}{percent}。",
        "{signal} was {value}, the limit is {threshold}{formula}: beyond it by {beyond}{percent}.",
    ),
    "value.inside": (
        "{signal} 为 {value}，限值 {threshold}{formula}：未超出，相差 {beyond}{percent}。",
        "{signal} was {value}, the limit is {threshold}{formula}: on the safe side of it by {beyond}{percent}.",
    ),
    "value.plain": ("{signal} 为 {value}。", "{signal} was {value}."),
    "flag": ("设备自己上报 {signal}。", "The device itself reported {signal}."),
    "flag.off": ("设备撤回 {signal}。", "The device withdrew {signal}."),
    "silent": ("设备已静默 {silent}{allowed}。", "The device had been silent for {silent}{allowed}."),
    "held": (
        "自 {since} 起持续 {held}{hold}。",
        "It had been so for {held}, since {since}{hold}.",
    ),
    "range": (
        "期间首值 {first}，最差 {peak}。",
        "In this time the first value was {first}, the worst {peak}.",
    ),
    "gap": ("相邻读数最长间隔 {gap}。", "The longest gap between readings was {gap}."),
    "clear": ("越过 {clear}{hold} 后解除。", "It clears beyond {clear}{hold}."),
    "late": ("该读数迟到：较新的读数早已到达。", "The reading came late: newer ones were there already."),
    "proof": ("依据：{proof}。", "Proven by: {proof}."),
    "also": ("另有：{also}。", "Also found: {also}."),
    "source": ("依据标准：{standard}。", "Source: {standard}."),
    "guidance": ("{role}：{text}", "{role}: {text}"),
}

PHRASES: dict[str, tuple[str, str]] = {
    "formula": ("（{formula}）", " ({formula})"),
    "percent": ("（{percent} %）", " ({percent} %)"),
    "allowed": ("，允许 {allowed}", ", {allowed} is allowed"),
    "hold": ("，规定 {hold}", "; {hold} is needed"),
    "clear_hold": ("并保持 {hold}", " held for {hold}"),
    "the value": ("数值", "the value"),
}

WORDS: dict[str, tuple[str, str]] = {
    "normal": ("正常", "normal"),
    "warning": ("预警", "warning"),
    "alarm": ("报警", "alarm"),
    "critical": ("危急", "critical"),
    "resident": ("住户", "Residents"),
    "staff": ("值班人员", "Duty room"),
    "responder": ("现场人员", "Who is sent"),
    "reading": ("一次读数", "a reading"),
    "held by last reading": ("最近一次读数持续有效", "the last reading, which still stands"),
    "device was reset": ("设备已复位", "a reset of the device"),
    "no supply or breaker open": ("无供电或断路器断开", "no supply, or an open breaker"),
    "last will": ("设备的遗嘱消息", "the device's last will"),
    "silence": ("静默", "silence"),
    "device removed": ("设备已移除", "the device's removal"),
    "rule no longer applies": ("规则不再适用", "the rule no longer applies"),
    "rule changed": ("规则已修改", "a change of the rule"),
    "rule removed": ("规则已删除", "the rule's removal"),
}

NAMES: dict[str, tuple[str, str]] = {
    "reading": ("读数", "reading"),
    "members": ("成员", "members"),
    "parts": ("各部分", "parts"),
    "samples": ("样本数", "samples"),
    "span_s": ("时间跨度（秒）", "span, s"),
    "current": ("电流（A）", "current, A"),
    "heat": ("热像", "heat"),
    "time_to_trip_s": ("距脱扣（秒）", "time to trip, s"),
    "coefficient": ("系数", "coefficient"),
    "median": ("中位数", "median"),
    "median_24h": ("24 小时中位数", "median of 24 h"),
    "baseline_7d": ("7 天基线", "baseline of 7 days"),
    "slope_per_day": ("每天变化", "slope a day"),
    "days_until_limit": ("距限值天数", "days until the limit"),
    "local_time": ("当地时间", "local time"),
    "watched": ("看护时段", "watched"),
    "hours": ("小时", "hours"),
    "share": ("比例", "share"),
    "ratings": ("额定值", "ratings"),
}


def say(table: dict[str, tuple[str, str]], key: str, language: Language, **blanks: object) -> str:
    """A text with its blanks filled; the key itself, spaces for underscores, where there is none."""
    texts = table.get(key)
    text = key.replace("_", " ") if texts is None else texts[language == "en"]
    return text.format(**blanks) if blanks else text
