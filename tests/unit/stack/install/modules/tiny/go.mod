module obsdeck.invalid/tiny

go 1.26
