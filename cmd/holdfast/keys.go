package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"holdfast/event"
	"holdfast/keys"
	"holdfast/system"
)

// keysCommand deals with API keys where they are kept, beside whatever runs there.
type keysCommand struct {
	Create keysCreateCommand `cmd:"" help:"Make a key, and print its secret, which is shown this once."`
	List   keysListCommand   `cmd:"" help:"List the keys, revoked ones too; never their secrets."`
	Revoke keysRevokeCommand `cmd:"" help:"End a key: a second later it is refused."`
}

type keysCreateCommand struct {
	storage
	Name  string       `arg:"" help:"Who the key is for; its orders are this caller's own."`
	Scope []keys.Scope `required:"" placeholder:"SCOPE" values:"orders,inventory,ops" help:"What it opens, separated by commas: orders (place orders, and see, cancel and refund one's own), inventory (see and count stock), ops (see everything, cancel and refund any order, deal with queues and the gateway)."`
}

// Run makes the key. Its secret goes to standard output alone.
func (c *keysCreateCommand) Run(ctx context.Context) error {
	key, secret, err := keys.New(c.Name, c.Scope, system.Now())
	if err != nil {
		return misuse{err}
	}
	err = c.withKeys(ctx, func(store keys.Store) error { return store.Create(ctx, key) })
	if errors.Is(err, event.Conflict) {
		return fmt.Errorf("there is a key named %q; revoke it first with holdfast keys revoke %s, or choose another name", c.Name, c.Name)
	}
	if err != nil {
		return err
	}
	if _, err := fmt.Println(secret); err != nil {
		return fmt.Errorf("the secret could not be printed: %w; revoke the key %q and make another", err, c.Name)
	}
	fmt.Fprintf(os.Stderr, "%q opens %s. The secret is shown this once; whoever has it is %q.\nSend it as the header  Authorization: Bearer SECRET  or set HOLDFAST_API_KEY for holdfast's own commands.\n",
		key.Name, scopes(key), key.Name)
	return nil
}

type keysListCommand struct {
	storage
	JSON bool `name:"json" help:"Print JSON."`
}

// listedKey is a key as it is listed.
type listedKey struct {
	Name      string       `json:"name"`
	Scopes    []keys.Scope `json:"scopes"`
	CreatedAt time.Time    `json:"created_at"`
	RevokedAt time.Time    `json:"revoked_at,omitzero"`
}

// Run lists the keys.
func (c *keysListCommand) Run(ctx context.Context) error {
	listed := []listedKey{}
	err := c.withKeys(ctx, func(store keys.Store) error {
		all, err := store.List(ctx)
		for _, k := range all {
			listed = append(listed, listedKey{k.Name, k.Scopes, k.CreatedAt, k.RevokedAt})
		}
		return err
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(listed)
	}
	return table(os.Stdout, "NAME\tSCOPES\tCREATED\tREVOKED", func(row func(...any)) {
		for _, k := range listed {
			row(k.Name, scopes(keys.Key{Scopes: k.Scopes}), k.CreatedAt.Format(time.RFC3339), since(k.RevokedAt))
		}
	})
}

type keysRevokeCommand struct {
	storage
	Name string `arg:"" help:"The key's name."`
}

// Run ends the key.
func (c *keysRevokeCommand) Run(ctx context.Context) error {
	err := c.withKeys(ctx, func(store keys.Store) error { return store.Revoke(ctx, c.Name, system.Now()) })
	if errors.Is(err, event.NotFound) {
		return fmt.Errorf("there is no key named %q that is not revoked; see holdfast keys list", c.Name)
	}
	if err == nil {
		fmt.Printf("%s is revoked\n", c.Name)
	}
	return err
}

// withKeys does something to the keys.
func (s storage) withKeys(ctx context.Context, do func(keys.Store) error) error {
	store, err := s.backend().keys(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(store.Keys), store.Close())
}

// scopes lists what a key opens, as --scope takes it.
func scopes(k keys.Key) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(k.Scopes), "[]"), " ", ",")
}

// since shows when something happened, nothing if it did not.
func since(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}
