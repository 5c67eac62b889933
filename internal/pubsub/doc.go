// Package pubsub carries the core's notices between replicas: within one
// process, or over Redis. It implements [auth.Bus] and owns the form of a
// notice on the wire.
//
// It does not know what notices are for, keeps none, and may lose some: over
// Redis while that is away, and to a follower who does not keep up. It says so
// (auth.NoticeLost, auth.NoticeBack); whoever needs every change looks into the
// store. pubsubtest is the contract as a suite, run on both.
package pubsub
