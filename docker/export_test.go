package docker

// DaemonAnswers is for the tests, which need to know before they begin.
var DaemonAnswers = daemonAnswers

// NewTestLog is [WithLogs] without a container.
var NewTestLog = newTestLog

// BuildEnvironment is compared with that of build.sh.
var BuildEnvironment = buildEnvironment
