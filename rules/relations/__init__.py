"""Rules over rules: several signs in one home that together mean more, and one thing that many homes report at once.

The second storey of the engine, in plain Python: it takes findings, which are rare, and never a reading.
"""

from rules.relations.definition import Against, CombinationRule, GroupRule, Part, absorbed_life, dangling

__all__ = ["Against", "CombinationRule", "GroupRule", "Part", "absorbed_life", "dangling"]
