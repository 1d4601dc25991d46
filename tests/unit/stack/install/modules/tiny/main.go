// Command tiny says its version, as every server does. It imports nothing, so that it builds without a network.
package main

var version = "unset"

func main() {
	println("tiny, version " + version + " (branch: none)")
}
