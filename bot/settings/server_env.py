"""The file in which ``script/server`` leaves, for other terminals, what it set up."""

#: Set for a process that must not read it.
NO_SERVER_ENV = "PITBOSS_NO_SERVER_ENV"
