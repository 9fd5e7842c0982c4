package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"holdfast/deploy"
	"holdfast/event"
)

// examineAWS looks at whether AWS can be reached and used as the environment says,
// and whether all that setup deploys is there.
func examineAWS(ctx context.Context, at onAWS) []finding {
	c, err := connect(ctx, "")
	if err != nil {
		return []finding{failed("AWS", err)}
	}
	all := examineCaller(ctx, c)
	if all[0].Verdict == fails {
		return all
	}
	db := dynamodb.NewFromConfig(c.config)
	if err := deploy.Check(ctx, db, at.prefix, event.Services); err != nil {
		return append(all, failed("tables", err))
	}
	tables := deploy.Tables(at.prefix)
	all = append(all, finding{"tables", passes, fmt.Sprintf("%d, as this build's template has them", len(tables)), ""}, examineWriting(ctx, db, tables))
	return append(all, examineQueues(ctx, at))
}

// How far the clock may be from AWS's: what is signed farther off than five minutes
// is refused (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html).
const (
	refusedSkew = 5 * time.Minute
	badSkew     = 30 * time.Second
)

// examineCaller asks who the credentials are, which nobody needs a right for, and
// holds the clock against the answer's.
func examineCaller(ctx context.Context, c *cloud) []finding {
	asked := time.Now()
	who, err := sts.NewFromConfig(c.config).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return []finding{failed("AWS", deploy.Explain("asking AWS who the credentials are", err))}
	}
	all := []finding{{"AWS", passes, fmt.Sprintf("%s, in %s", aws.ToString(who.Arn), c.config.Region), ""}}
	server, told := middleware.GetServerTime(who.ResultMetadata)
	if !told {
		return all
	}
	return append(all, examineSkew(server.Sub(asked.Add(time.Since(asked)/2))))
}

// examineSkew judges how far AWS's clock is ahead. An answer tells its second alone.
func examineSkew(ahead time.Duration) finding {
	f := finding{Check: "AWS's clock", Verdict: passes, Found: fmt.Sprintf("within %s of this machine's", max(ahead.Abs().Truncate(time.Second), time.Second))}
	if ahead.Abs() > badSkew {
		f.Verdict, f.Found, f.Do = warns, fmt.Sprintf("%s away from this machine's", ahead.Abs().Round(time.Second)), "set this machine's clock (chronyd, systemd-timesyncd): past 5 minutes AWS refuses all that it signs"
	}
	if ahead.Abs() > refusedSkew {
		f.Verdict = fails
	}
	return f
}

// never is a condition that no item meets, so that a write under it tells whether it
// is allowed and writes nothing.
const never = "attribute_exists(#key) AND attribute_not_exists(#key)"

// examineWriting looks at which tables these credentials may write. The services have
// roles that may write their own alone, so it is no failure if some are another's.
func examineWriting(ctx context.Context, db *dynamodb.Client, tables []deploy.Table) finding {
	var barred []string
	var last error
	for _, t := range tables {
		if err := tryPut(ctx, db, t); err != nil {
			barred, last = append(barred, t.Name), err
		}
	}
	if len(barred) == 0 {
		return finding{"rights", passes, "all tables may be written", ""}
	}
	return finding{"rights", warns, fmt.Sprintf("%s cannot be written: %v", strings.Join(barred, ", "), deploy.Explain("trying "+barred[len(barred)-1], last)),
		"as long as they belong to services that run under roles of their own, nothing; else give these credentials dynamodb:PutItem"}
}

// tryPut asks to write what can never be written.
func tryPut(ctx context.Context, db *dynamodb.Client, t deploy.Table) error {
	item := make(map[string]types.AttributeValue)
	for _, name := range []string{t.Key.Partition, t.Key.Sort} {
		switch {
		case name == "":
		case t.Types[name] == "N":
			item[name] = &types.AttributeValueMemberN{Value: "0"}
		default:
			item[name] = &types.AttributeValueMemberS{Value: "#doctor"}
		}
	}
	_, err := db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.Name, Item: item, ConditionExpression: aws.String(never), ExpressionAttributeNames: map[string]string{"#key": t.Key.Partition},
	})
	if refused := (*types.ConditionalCheckFailedException)(nil); errors.As(err, &refused) {
		return nil
	}
	return err
}

// examineQueues opens everything, and asks each queue how much waits.
func examineQueues(ctx context.Context, at onAWS) finding {
	store, err := at.toRead(ctx)
	if err != nil {
		return failed("queues", err)
	}
	waiting := 0
	for _, s := range event.Services {
		depth, unread := store.queues[s].Depth(ctx)
		err = errors.Join(err, unread)
		waiting += depth.Ready + depth.Delayed
	}
	if err = errors.Join(err, store.Close()); err != nil {
		return failed("queues", err)
	}
	return finding{"queues", passes, fmt.Sprintf("%d, in which some %d messages wait", len(event.Services), waiting), ""}
}
