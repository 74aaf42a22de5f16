"""The fault run: clients send commands to a real Pitboss while its parts are killed and frozen, and a checker that knows
nothing of Pitboss's code reads the tables and the clients' logs for broken promises. ``script/chaos --help``

Start reading at ``run``; what is promised is in ``log_rules`` and ``client_rules``.
"""
