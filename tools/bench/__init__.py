"""Measures Pitboss against baselines: `script/bench`.

Each figure stands beside its baseline, and both are taken in the same run, in turns: a machine that is slow for a
minute is slow for both.
"""
