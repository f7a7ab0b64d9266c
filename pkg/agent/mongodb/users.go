// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
)

// usersCollection has a document for each user, in the database admin
// (https://www.mongodb.com/docs/manual/reference/system-users-collection/).
const usersCollection = "system.users"

// userWithin bounds the wait for a majority to have a user. The document is there before.
const userWithin = 5 * time.Second

// keepUsers makes the plan's logins be there with the plan's passwords, and writes nothing where they are. Others are
// left alone: somebody made them by hand.
func (d *Driver) keepUsers(ctx context.Context, plan engine.Plan) error {
	users := d.run.client.Database(mongodb.AuthDatabase).Collection(usersCollection,
		options.Collection().SetWriteConcern(writeconcern.Majority()))
	for _, u := range plan.Users {
		wanted, err := mongodb.UserDocumentOf(u)
		if err != nil {
			return err
		}
		if err := keepUser(ctx, users, wanted); err != nil {
			return fmt.Errorf("keeping user %s: %w", u.Name, err)
		}
	}
	return nil
}

// keepUser makes a user be as it should. One whose password changes becomes another user of the same name: sessions
// that were opened with the old one may do nothing more.
func keepUser(ctx context.Context, users *mongo.Collection, wanted mongodb.UserDocument) error {
	ctx, cancel := context.WithTimeout(ctx, userWithin)
	defer cancel()
	itself := bson.D{{Key: "_id", Value: wanted.ID}}
	var found mongodb.UserDocument
	err := users.FindOne(ctx, itself).Decode(&found)
	if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
		return err
	}
	if reflect.DeepEqual(found, wanted) {
		return nil
	}
	changes := bson.D{
		{Key: "user", Value: wanted.User}, {Key: "db", Value: wanted.Database},
		{Key: "credentials", Value: wanted.Credentials}, {Key: "roles", Value: wanted.Roles},
	}
	if !reflect.DeepEqual(found.Credentials, wanted.Credentials) {
		changes = append(changes, bson.E{Key: "userId", Value: newUserID()})
	}
	_, err = users.UpdateOne(ctx, itself, bson.D{{Key: "$set", Value: changes}}, options.UpdateOne().SetUpsert(true))
	return err
}

// newUserID draws the UUID by which a server tells a user from another of the same name.
func newUserID() bson.Binary {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // it never fails
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return bson.Binary{Subtype: bson.TypeBinaryUUID, Data: id}
}
