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
    "value.reached": (
        "{signal} 为 {value}，恰达限值 {threshold}{formula}。",
        "{signal} was {value}, and the limit is {threshold}{formula}: just reached.",
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

MEASURES: dict[str, tuple[str, str]] = {
    "threshold": ("{signal}", "{signal}"),
    "door": ("{signal}", "{signal}"),
    "count": ("{signal} 的越限次数", "the number of excursions of {signal}"),
    "rise": ("{signal} 的上升速率", "the rise of {signal}"),
    "thermal": ("按 {signal} 计算的热像", "the thermal image of {signal}"),
    "leaky": ("{signal} 的漏积分", "the leaky sum of {signal}"),
    "deviation": ("{signal} 与自身历史的偏差", "the deviation of {signal} from its own past"),
    "impedance": ("由 {signal} 推得的回路阻抗", "the loop impedance seen by {signal}"),
    "neutral": ("中性点位移", "the displacement of the neutral"),
    "dose": ("{signal} 的剂量", "the dose of {signal}"),
    "stuck": ("{signal} 不变的时间", "the time for which {signal} has not moved"),
    "contact": (
        "接触电阻与自身历史之比（{signal}）",
        "the contact resistance, as a multiple of its own past ({signal})",
    ),
    "drift": ("{signal} 的漂移", "the drift of {signal}"),
    "change": ("{signal} 与习惯的偏差", "the deviation of {signal} from habit"),
    "ebike": ("电动自行车充电评分（{signal}）", "the score of an e-bike's charger ({signal})"),
    "inactivity": ("无生活迹象的时间（{signal}）", "the time without a sign of life ({signal})"),
    "combination": ("同时成立的部分", "what holds together"),
    "group": ("该群组的计数", "the count of the group"),
}
"""What the value of a kind of rule is; where a rule is gone, the signal stands alone."""

DECIDING: dict[str, tuple[str, str]] = {
    "thermal": ("按 {signal} 计算的脱扣时间", "the time to trip by {signal}"),
}
"""The same where something else than the measure decided."""

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
    "combination": ("多条规则共同判定", "several rules together"),
    "group": ("多个设备同时出现", "many devices at once"),
    "condition no longer met": ("条件不再成立", "the condition is no longer met"),
    "taken into group": ("并入群组告警", "taken into an alert of the group"),
    "still holds after the group's end": ("群组告警结束后仍成立", "it still holds after the group's alert ended"),
    "estate changed": ("住户或设备档案已修改", "a change of the estate"),
    "fewer than half of the devices needed are left": (
        "剩余设备不足所需的一半",
        "fewer than half of the devices that it needs are left",
    ),
    "device removed": ("设备已移除", "the device's removal"),
    "rule no longer applies": ("规则不再适用", "the rule no longer applies"),
    "rule changed": ("规则已修改", "a change of the rule"),
    "rule removed": ("规则已删除", "the rule's removal"),
}

NAMES: dict[str, tuple[str, str]] = {
    "against": ("相反动向", "the opposite"),
    "against_count": ("相反动向数", "number of the opposite"),
    "ambient": ("环境温度", "ambient"),
    "baseline_7d": ("7 天基线", "baseline of 7 days"),
    "coefficient": ("系数", "coefficient"),
    "condition": ("条件", "condition"),
    "count": ("计数", "count"),
    "current": ("电流（A）", "current (A)"),
    "days_until_limit": ("距限值天数", "days until the limit"),
    "device": ("设备", "device"),
    "dose": ("剂量", "dose"),
    "first": ("最早", "first"),
    "group": ("群组", "group"),
    "group_rule": ("群组规则", "rule of the group"),
    "heat": ("热像", "thermal image"),
    "hours": ("小时", "hours"),
    "last": ("最晚", "last"),
    "local_time": ("当地时间", "local time"),
    "median": ("中位数", "median"),
    "median_24h": ("24 小时中位数", "median of 24 h"),
    "members": ("成员", "members"),
    "of": ("总数", "of"),
    "part": ("部分", "part"),
    "parts": ("各部分", "parts"),
    "ratings": ("额定值", "ratings"),
    "reading": ("读数", "reading"),
    "rule": ("规则", "rule"),
    "seems_away": ("似乎外出", "seems away"),
    "share": ("比例", "share"),
    "since": ("自", "since"),
    "slope_per_day": ("每天变化", "slope a day"),
    "slopes_per_min": ("每分钟斜率", "slopes a minute"),
    "time_to_trip_s": ("距脱扣（秒）", "time to trip (s)"),
    "trip_current": ("脱扣电流（A）", "trip current (A)"),
    "value": ("数值", "value"),
    "watched": ("看护时段", "watched"),
}


def say(table: dict[str, tuple[str, str]], key: str, language: Language, **blanks: object) -> str:
    """A text with its blanks filled; the key itself, spaces for underscores, where there is none."""
    texts = table.get(key)
    text = key.replace("_", " ") if texts is None else texts[language == "en"]
    return text.format(**blanks) if blanks else text
